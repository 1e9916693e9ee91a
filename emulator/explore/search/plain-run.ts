import { extendKey } from '../../machine/state-keys.ts';
import type { Explorer, Position } from './explorer.ts';
import { advance, pointHere, type SchedulingPoint } from './scheduling-points.ts';

/** Scheduling points that one unit covers at most. */
const GROUP_POINTS_MAX = 48;
/** What the keys of states at fresh points are extended by. */
const FRESH = 1;

/** Scheduling points of the plain run that follow one another, numbered from 1. */
export interface PointGroup {
  readonly from: number;
  readonly to: number;
  /** At the first of them; what follows needs no turn to be ended. */
  readonly position: Position;
  readonly first: SchedulingPoint;
}

/** The run without any deviation: its scheduling points in groups, and the states it goes through. */
export class PlainRun {
  readonly groups: readonly PointGroup[];
  readonly end: Position;
  /** The run has no end: see Failure. */
  readonly isEndless: boolean;
  readonly tasks: number;
  readonly boundaries: number;
  readonly #states = new Set<number>();

  /** Starts the explorer's program and runs it to its end. */
  constructor(explorer: Explorer) {
    const groups: { from: number; to: number; position: Position; first: SchedulingPoint }[] = [];
    const spun = new SpinGuard(explorer);
    explorer.start();
    let [index, boundaries, isTurnOver] = [1, 0, false];
    for (let here = pointHere(explorer); here !== undefined; here = pointHere(explorer)) {
      const { point, isFresh } = here;
      if (spun.isEndless) {
        explorer.runOn(point);
        continue;
      }
      if (point.isBoundary) boundaries++;
      if (point.isBoundary || isFresh) {
        const keys = stateKeys(explorer, isFresh);
        if (spun.comesBack(keys.without)) {
          isTurnOver = true;
          continue;
        }
        this.#states.add(keys.with).add(keys.without);
        const group = groups.at(-1);
        const goesOn = !isTurnOver && group !== undefined;
        if (goesOn && index - group.from < GROUP_POINTS_MAX) group.to = index;
        else groups.push({ from: index, to: index, position: explorer.save(), first: here });
        [index, isTurnOver] = [index + 1, false];
      }
      advance(explorer, point);
    }
    this.isEndless = spun.isEndless;
    this.groups = groups;
    this.boundaries = boundaries;
    this.tasks = explorer.machine.kernel.state.tasks.length;
    this.end = explorer.save();
  }

  /** Whether the run goes through the state that has this key. */
  hasState(key: number): boolean {
    return this.#states.has(key);
  }
}

/** Keys of a state at a scheduling point, with what is left of the window and without. */
function stateKeys(explorer: Explorer, isFresh: boolean) {
  return { with: keyAt(explorer, true, isFresh), without: keyAt(explorer, false, isFresh) };
}

/** A state's key for who has a choice there: at a fresh point there are more. */
export function keyAt(explorer: Explorer, hasMore: boolean, isFresh: boolean): number {
  const state = explorer.key();
  const key = hasMore ? explorer.withWindow(state) : state;
  return isFresh ? extendKey(key, FRESH) : key;
}

/**
 * Sees to it that a run which comes back to a state of its own lets others on, or is known to have
 * no end.
 */
export class SpinGuard {
  readonly #explorer: Explorer;
  readonly #seen = new Set<number>();
  readonly #spun = new Set<number>();
  isEndless = false;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  /** True if the run was in this state before: then the turn of who runs is over. */
  comesBack(key: number): boolean {
    if (!this.#seen.has(key)) {
      this.#seen.add(key);
      return false;
    }
    if (this.#spun.has(key)) this.isEndless = true;
    this.#spun.add(key);
    this.#explorer.driver.endTurn();
    return true;
  }
}
