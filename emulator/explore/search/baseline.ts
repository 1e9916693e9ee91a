import type { Explorer, Position } from './explorer.ts';
import { runTail } from './tail.ts';

/** Boundaries of a group at most: what one unit covers. */
const GROUP_BOUNDARIES_MAX = 48;

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
  readonly #states = new Set<string>();

  /** Starts the explorer's program and runs it to its end. */
  constructor(explorer: Explorer) {
    const groups: { from: number; to: number; position: Position }[] = [];
    const seen = new Set<string>();
    explorer.start();
    let [index, lastTask, lastRetired] = [0, 0, 0];
    const tail = runTail(explorer, {
      onBoundary: ({ task }) => {
        this.#states.add(explorer.key(true)).add(explorer.key(false));
        const retired = explorer.retiredBy(task.id);
        const group = groups.at(-1);
        const goesOn = task.id === lastTask && retired === lastRetired + 1;
        if (goesOn && group !== undefined && index - group.from < GROUP_BOUNDARIES_MAX) {
          group.to = index;
        } else groups.push({ from: index, to: index, position: explorer.save() });
        [index, lastTask, lastRetired] = [index + 1, task.id, retired];
      },
      onState: (key) => {
        if (seen.has(key)) return 'on this path';
        seen.add(key);
        this.#states.add(key);
        return 'new';
      },
    });
    this.isEndless = tail === 'endless';
    this.groups = groups;
    this.end = explorer.save();
  }

  /** Whether the run goes through the state that has this key. */
  hasState(key: string): boolean {
    return this.#states.has(key);
  }
}
