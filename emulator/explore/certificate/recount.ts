import { Baseline } from '../search/baseline.ts';
import type { Explorer, Point } from '../search/explorer.ts';
import { COMPLETION, type PlacedInterruption, type Until } from '../search/interruption.ts';
import type { Move } from '../search/moves.ts';

/** Boundaries of the plain run, as a unit covers them, with all that can be done there first. */
export interface RecountedGroup {
  readonly from: number;
  readonly to: number;
  readonly first: readonly PlacedInterruption[];
}

/** Whoever runs instead is stopped among so many of its instructions. */
const STOPS_INSTRUCTIONS_MAX = 2000;

/**
 * Goes along the run without interruption, and lists at each boundary every interruption that is
 * possible there: what an exhaustive search must have made first in some schedule. It makes each,
 * and follows none.
 */
export function recountFirst(explorer: Explorer): RecountedGroup[] {
  return new Baseline(explorer).groups.map(({ from, to, position }) => {
    explorer.restore(position);
    const first: PlacedInterruption[] = [];
    for (let index = from; index <= to; index++) {
      const point = explorer.nextBoundary();
      if (point === undefined) break;
      first.push(...possibleAt(explorer, point));
      explorer.step(point);
    }
    return { from, to, first };
  });
}

/** Everything that can be done to the point's task; leaves all as it was. */
function possibleAt(explorer: Explorer, point: Point): PlacedInterruption[] {
  const here = explorer.save();
  return explorer.movesAt(point).flatMap((move) => {
    const untils = [COMPLETION];
    if (move.way !== undefined) {
      explorer.make(move);
      untils.push(...stopsOn(explorer, move.way));
      explorer.restore(here);
    }
    return untils.map((until) => explorer.place(point, move.interruption(until)));
  });
}

/**
 * Where whoever runs instead can be stopped: its boundaries up to its next section but one, and its
 * commit.
 */
function stopsOn(explorer: Explorer, { vcpu }: NonNullable<Move['way']>): Until[] {
  const runner = explorer.here();
  if (runner === undefined || runner.task.vcpu !== vcpu) return [];
  const { sections } = explorer.machine;
  const { id } = runner.task;
  const before = explorer.retiredBy(id);
  const commitsBefore = sections.counts.committed;
  const stops: Until[] = [];
  for (let commitsSeen = 0; ; ) {
    const point = explorer.here();
    if (point?.task.id !== id) return stops;
    const { address } = point;
    const instructions = explorer.retiredBy(id) - before;
    const commits = sections.counts.committed - commitsBefore;
    if (commitsSeen > 0 && explorer.isInside(point)) return stops;
    if (commits > commitsSeen) {
      stops.push({ kind: 'stop', instructions, reason: 'commit', address });
    } else if (instructions > 0 && point.isBoundary) {
      stops.push({ kind: 'stop', instructions, reason: 'boundary', address });
    }
    commitsSeen = commits;
    if (!explorer.isNear(point) || instructions >= STOPS_INSTRUCTIONS_MAX) return stops;
    explorer.step(point);
  }
}
