import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import type { SectionMap } from './section-map.ts';

/** How often each task entered each section on a path: tasks by row, sections by column. */
export type Entries = Uint8Array<ArrayBuffer>;

const TASKS_MAX = 256;
const ENTRIES_LIMIT = 255;

/**
 * Which positions of a path a search interrupts: boundaries of the first few dynamic entries of each
 * section by each task, with its abort path and its retries.
 */
export class Window {
  readonly #map: SectionMap;
  readonly #entriesMax: number;
  #entries: Entries;
  #key: string | undefined;

  constructor(map: SectionMap, entriesMax: number) {
    this.#map = map;
    this.#entriesMax = entriesMax;
    this.#entries = new Uint8Array(TASKS_MAX * map.sectionCount);
  }

  save(): Entries {
    return this.#entries.slice();
  }

  restore(entries: Entries): void {
    this.#entries = entries.slice();
    this.#key = undefined;
  }

  /** Equal for equal entries. */
  get key(): string {
    this.#key ??= String.fromCharCode(...this.#entries);
    return this.#key;
  }

  /** The task is about to execute `address` with `region` armed: an entry is counted, but no retry. */
  note(task: Task, address: number, region: ArmedRegion | undefined): void {
    const isEntry = region?.start === address && task.abortsInRow === 0;
    for (const { section, place } of this.#map.spotsAt(address)) {
      if (place !== 'access' && !(place === 'inside' && isEntry)) continue;
      const at = this.#index(task, section);
      this.#key = undefined;
      this.#entries[at] = Math.min(ENTRIES_LIMIT, (this.#entries[at] ?? 0) + 1);
    }
  }

  /** Whether the task may be interrupted before the instruction at `address`. */
  isBoundary(task: Task, address: number): boolean {
    const spots = this.#map.spotsAt(address);
    if (spots.length === 0) return task.abortsInRow > 0 && this.#isWithin(task);
    return spots.some(({ section, place }) => {
      const entries = this.#entries[this.#index(task, section)] ?? 0;
      const isAhead = place === 'before' || place === 'access';
      return isAhead ? entries < this.#entriesMax : entries <= this.#entriesMax;
    });
  }

  /** Whether boundaries of the task may still come: if not, it need not be stepped. */
  isNear(task: Task, address: number): boolean {
    if (this.isBoundary(task, address)) return true;
    for (const section of this.#map.sectionsOf(task.id)) {
      if ((this.#entries[this.#index(task, section)] ?? 0) < this.#entriesMax) return true;
    }
    return false;
  }

  #isWithin(task: Task): boolean {
    for (const section of this.#map.sectionsOf(task.id)) {
      if ((this.#entries[this.#index(task, section)] ?? 0) <= this.#entriesMax) return true;
    }
    return false;
  }

  #index(task: Task, section: number): number {
    return (task.id % TASKS_MAX) * this.#map.sectionCount + section;
  }
}
