import type { TaskId } from '../../../../kernel-model/task/task.ts';
import type { FindingPosition } from '../../finding.ts';
import type { Clocks, Stamp } from './clocks.ts';

/**
 * A store from outside of sections that a section of another task may come to overlap: nothing orders
 * the start of its next one after the intruder was at `hold`. Whether it does harm is to be tried.
 */
export interface Overlap {
  readonly intruder: TaskId;
  /** The task whose sections commit to the word. */
  readonly owner: TaskId;
  /** Where a section starts that does. */
  readonly section: number;
  readonly address: number;
  /** What stores, and where in the schedule. */
  readonly instruction: number;
  readonly position: FindingPosition;
  /** A store of the intruder to a word that sections of the owner read: it is held back before it. */
  readonly hold: FindingPosition;
  readonly holdInstruction: number;
}

/** The task that committed to a word, by a section that starts there. */
interface Owner {
  readonly owner: TaskId;
  readonly section: number;
}

/** A store from outside of sections, with what the task knew then. */
export interface OutsideStore {
  readonly address: number;
  readonly instruction: number;
  readonly position: FindingPosition;
  readonly stamp: Stamp;
}

/** So many stores of a task are remembered at most, since it last called the kernel. */
const HOLDS_MAX = 4;
/** Of more than so many overlaps the rest is left out. */
const OVERLAPS_MAX = 8;

interface Pending {
  readonly overlap: Overlap;
  readonly stamp: Stamp;
}

/**
 * Looks for stores from outside of sections that were spared by the schedule: those that the owner of
 * the word does not know of when it begins its next section. It could have begun that one before the
 * intruder told its sections to keep off.
 */
export class Overlaps {
  readonly #clocks: Clocks;
  /** Words that the sections of a task have read. */
  readonly #read = new Map<TaskId, Set<number>>();
  /** By task: the stores before which it could be held back. */
  readonly #holds = new Map<TaskId, readonly OutsideStore[]>();
  /** By owner, each by its name. */
  readonly #pending = new Map<TaskId, Map<string, Pending>>();
  readonly #found = new Map<string, Overlap>();

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  /** Those that were found, in order. */
  get found(): readonly Overlap[] {
    return [...this.#found.values()];
  }

  /** A section of the task reads a word. */
  read(task: TaskId, address: number): void {
    let words = this.#read.get(task);
    if (words === undefined) {
      words = new Set();
      this.#read.set(task, words);
    }
    words.add(address);
  }

  /** What the task stored before may have told the others by now. */
  called(task: TaskId): void {
    this.#holds.delete(task);
  }

  /** The task stores outside of sections; `owner` is another task that has committed there. */
  store(task: TaskId, store: OutsideStore, owning: Owner | undefined): void {
    if (!this.#isRead(task, store.address)) return;
    const holds = [...(this.#holds.get(task) ?? []), store].slice(-HOLDS_MAX);
    this.#holds.set(task, holds);
    if (owning === undefined) return;
    const { owner, section } = owning;
    const pending = this.#pending.get(owner) ?? new Map<string, Pending>();
    this.#pending.set(owner, pending);
    const { address, instruction, position } = store;
    for (const { stamp, position: hold, instruction: holdInstruction } of holds) {
      const place = { section, address, instruction, position, hold, holdInstruction };
      const name = `${owner} ${instruction} ${holdInstruction}`;
      if (this.#found.has(name)) continue;
      pending.set(name, { overlap: { intruder: task, owner, ...place }, stamp });
    }
  }

  /** Whether a section of some other task has read the word. */
  #isRead(task: TaskId, address: number): boolean {
    for (const [reader, words] of this.#read)
      if (reader !== task && words.has(address)) return true;
    return false;
  }

  /** The task begins a section. */
  begin(task: TaskId): void {
    const pending = this.#pending.get(task);
    if (pending === undefined) return;
    this.#pending.delete(task);
    for (const [name, { overlap, stamp }] of pending) {
      if (this.#clocks.knows(task, stamp) || this.#found.size >= OVERLAPS_MAX) continue;
      this.#found.set(name, overlap);
    }
  }
}
