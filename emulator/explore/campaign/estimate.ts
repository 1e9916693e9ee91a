import type { Tally } from '../search/tally.ts';
import type { WorkUnit } from '../search/unit.ts';

/** How far a search is. */
export interface SearchProgress {
  readonly schedules: number;
  readonly distinctStates: number;
  readonly unitsExplored: number;
  readonly units: number;
  /** Of this process; a search that goes on with another one's results counts from 0. */
  readonly seconds: number;
  readonly schedulesPerSecond: number;
  /**
   * To the end of the plan, estimated from the units explored; `undefined` while there is no
   * telling.
   */
  readonly secondsLeft: number | undefined;
}

/**
 * Schedules that the units not yet explored will come to: in a stage of which some were explored,
 * as many each as those on average; in a later one, stage c, as many as the stage before has for
 * each of those with one interruption, in one of c orders. `undefined` while there is no telling.
 */
export function estimateRemaining(
  units: readonly WorkUnit[],
  tallies: readonly (Tally | undefined)[],
): number | undefined {
  const stages: StageSums[] = [];
  units.forEach(({ stage }, index) => {
    stages[stage] ??= { units: 0, explored: 0, schedules: 0 };
    const sums = stages[stage];
    const tally = tallies[index];
    sums.units++;
    if (tally === undefined) return;
    sums.explored++;
    sums.schedules += tally.schedules;
  });
  let remaining = 0;
  const whole: number[] = [];
  for (const [stage, sums] of stages.entries()) {
    if (sums === undefined) continue;
    const { explored, schedules } = sums;
    const [singles, before] = [whole[1], whole[stage - 1]];
    if (explored > 0) whole[stage] = (schedules / explored) * sums.units;
    else if (singles === undefined || before === undefined) return undefined;
    else whole[stage] = (before * singles) / stage;
    remaining += (whole[stage] ?? 0) - schedules;
  }
  return remaining;
}

interface StageSums {
  units: number;
  explored: number;
  schedules: number;
}
