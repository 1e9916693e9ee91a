import type { TaskId } from '../../../../kernel-model/task/task.ts';

/** What a task knows to have happened: by task, how many of its stores. Immutable. */
type Vector = readonly number[];

/** One store of a task, with what the task knew then. */
export interface Stamp {
  readonly task: TaskId;
  /** How many stores the task had made, with this one. */
  readonly count: number;
  readonly known: Vector;
}

/** Vector clocks of all tasks, in stores: who can know of which store by a chain of synchronisation. */
export class Clocks {
  readonly #known: Vector[] = [];
  readonly #counts: number[] = [];

  #vector(task: TaskId): Vector {
    return this.#known[task] ?? [];
  }

  /** The task makes a store. */
  tick(task: TaskId): Stamp {
    const count = (this.#counts[task] ?? 0) + 1;
    this.#counts[task] = count;
    return { task, count, known: this.#vector(task) };
  }

  /** The task as it is, for others to synchronise with. */
  now(task: TaskId): Stamp {
    return { task, count: this.#counts[task] ?? 0, known: this.#vector(task) };
  }

  /** Whether the task can know of a store. */
  knows(task: TaskId, { task: other, count }: Stamp): boolean {
    return other === task || (this.#vector(task)[other] ?? 0) >= count;
  }

  /** The task synchronises with what `stamp` is of: it knows all that was known there. */
  acquire(task: TaskId, stamp: Stamp): void {
    if (this.knows(task, stamp)) return;
    const known = [...this.#vector(task)];
    stamp.known.forEach((count, other) => {
      known[other] = Math.max(known[other] ?? 0, count);
    });
    known[stamp.task] = Math.max(known[stamp.task] ?? 0, stamp.count);
    this.#known[task] = known;
  }
}
