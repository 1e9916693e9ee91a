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

/** What the state of a search is told from. */
interface SearchSoFar {
  readonly units: readonly WorkUnit[];
  /** Of the units that were explored whole. */
  readonly tallies: readonly (Tally | undefined)[];
  /** Of the units under way. */
  readonly unfinished: readonly Pick<Tally, 'schedules' | 'distinctStates'>[];
  /** Schedules that an earlier process explored. */
  readonly schedulesKnownBefore: number;
  readonly seconds: number;
}

/** How far a search is, and how long it will go on at its rate so far. */
export function progressOf(search: SearchSoFar): SearchProgress {
  const { units, tallies, unfinished, schedulesKnownBefore, seconds } = search;
  let [schedules, distinctStates, unitsExplored] = [0, 0, 0];
  for (const part of [...tallies, ...unfinished]) {
    schedules += part?.schedules ?? 0;
    distinctStates += part?.distinctStates ?? 0;
  }
  for (const tally of tallies) if (tally !== undefined) unitsExplored++;
  const schedulesPerSecond = (schedules - schedulesKnownBefore) / seconds;
  const remaining = estimateRemaining(units, tallies);
  const secondsLeft =
    remaining === undefined || schedulesPerSecond <= 0 ? undefined : remaining / schedulesPerSecond;
  const counts = { schedules, distinctStates, unitsExplored, units: units.length };
  return { ...counts, seconds, schedulesPerSecond, secondsLeft };
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
