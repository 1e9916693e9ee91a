import { isPass } from '../../machine/outcome.ts';
import type { Explorer } from '../search/explorer.ts';
import type { PlacedInterruption } from '../search/interruption.ts';
import { type Play, play } from './play.ts';

/** A schedule that passes although it differs from a failing one in one interruption only. */
export interface Neighbour {
  readonly play: Play;
  /** Which interruption of the failing schedule differs, counted from 0. */
  readonly index: number;
  /** How far its turn was moved, in instructions of whoever was taken off. */
  readonly moved: number | 'dropped';
}

/** Instructions by which an interruption is moved at most, either way. */
const MOVED_MAX = 48;

/**
 * The nearest schedules that pass, the nearest first: for each interruption, the last one first, moved
 * earlier and later by as few instructions as it takes; where no move helps, without one of them.
 */
export function passingNeighbours(
  explorer: Explorer,
  made: readonly PlacedInterruption[],
  isOver: () => boolean,
): Neighbour[] {
  const found: Neighbour[] = [];
  for (let index = made.length - 1; index >= 0 && found.length === 0; index--) {
    for (const direction of [-1, 1]) {
      const neighbour = moveUntilPass(explorer, made, index, direction, isOver);
      if (neighbour !== undefined) found.push(neighbour);
    }
  }
  found.sort((a, b) => Math.abs(Number(a.moved)) - Math.abs(Number(b.moved)));
  for (let index = made.length - 1; index >= 0 && found.length === 0; index--) {
    const without = play(explorer, made.toSpliced(index, 1));
    if (isPass(without.outcome)) found.push({ play: without, index, moved: 'dropped' });
  }
  return found;
}

function moveUntilPass(
  explorer: Explorer,
  made: readonly PlacedInterruption[],
  index: number,
  direction: number,
  isOver: () => boolean,
): Neighbour | undefined {
  const placed = made[index];
  if (placed === undefined) return undefined;
  for (let distance = 1; distance <= MOVED_MAX; distance++) {
    const by = direction * distance;
    const elsewhere = movedBy(placed, by);
    if (elsewhere === undefined || isOver()) return undefined;
    const moved = play(explorer, made.with(index, elsewhere));
    if (moved.missed.length > 0) return undefined;
    if (isPass(moved.outcome)) return { play: moved, index, moved: by };
  }
  return undefined;
}

/** The interruption earlier or later; of one with a stop, the stop. */
function movedBy(placed: PlacedInterruption, by: number): PlacedInterruption | undefined {
  const { interruption, retired } = placed;
  if (!('until' in interruption) || interruption.until.kind === 'completion') {
    return retired + by < 0 ? undefined : { ...placed, retired: retired + by };
  }
  const { until } = interruption;
  const instructions = until.instructions + by;
  if (instructions < 0) return undefined;
  return { ...placed, interruption: { ...interruption, until: { ...until, instructions } } };
}
