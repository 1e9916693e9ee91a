import type { Explorer, Point, Position } from './explorer.ts';
import { MergeSample } from './merge-sample.ts';
import { runTail } from './tail.ts';

/** Boundaries of a group at most: what one unit covers. */
const GROUP_BOUNDARIES_MAX = 48;
/** States at starts and ends of sections that are kept, for paths to come back to. */
export const PLAIN_RUN_STATES_MAX = 20_000;

/** Boundaries of the plain run that follow one another in one task. */
interface BoundaryGroup {
  readonly from: number;
  readonly to: number;
  /** Before the first of them. */
  readonly position: Position;
}

/** The run without interruption: its boundaries in groups, and the states it goes through. */
export class Baseline {
  readonly groups: readonly BoundaryGroup[];
  readonly end: Position;
  /** The run has no end: see Failure. */
  readonly isEndless: boolean;
  readonly sample = new MergeSample();
  readonly #states = new Set<number>();

  /** Starts the explorer's program and runs it to its end. */
  constructor(explorer: Explorer) {
    const seen = new Set<number>();
    const grouping = new Grouping(explorer);
    explorer.start();
    const tail = runTail(
      explorer,
      {
        onPoint: (point) => {
          if (!point.isBoundary) return;
          const key = explorer.key();
          for (const each of [explorer.withWindow(key), key]) this.#add(each, explorer);
          grouping.add(point);
        },
        onState: (key) => {
          this.#add(key, explorer);
          if (seen.has(key)) return 'on this path';
          seen.add(key);
          return 'new';
        },
      },
      PLAIN_RUN_STATES_MAX,
    );
    this.isEndless = tail === 'endless';
    this.groups = grouping.groups;
    this.end = explorer.save();
  }

  #add(key: number, explorer: Explorer): void {
    if (this.#states.has(key)) return;
    this.#states.add(key);
    this.sample.keep(key, () => explorer.describe());
  }

  /** Whether the run goes through the state that has this key. */
  hasState(key: number): boolean {
    return this.#states.has(key);
  }
}

/** Puts boundaries that one task meets one right after the other into groups. */
class Grouping {
  readonly groups: { from: number; to: number; readonly position: Position }[] = [];
  readonly #explorer: Explorer;
  #count = 0;
  #task = 0;
  #retired = 0;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  add({ task: { id } }: Point): void {
    const retired = this.#explorer.retiredBy(id);
    const last = this.groups.at(-1);
    const goesOn = id === this.#task && retired === this.#retired + 1;
    const index = this.#count++;
    this.#task = id;
    this.#retired = retired;
    if (goesOn && last !== undefined && index - last.from < GROUP_BOUNDARIES_MAX) last.to = index;
    else this.groups.push({ from: index, to: index, position: this.#explorer.save() });
  }
}
