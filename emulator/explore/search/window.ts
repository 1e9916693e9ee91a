import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import type { RunStops } from '../../engine/engine.ts';
import { isAhead, type SectionMap, type Spot } from './section-map.ts';

/** How often each task entered each section on a path, and a key of it. Opaque. */
export interface Entries {
  readonly counts: Uint8Array<ArrayBuffer>;
  readonly key: number;
}

/** Tasks that counts have room for at first. */
const TASKS_MIN = 8;
const ENTRIES_LIMIT = 255;
/** A section that is aborted more often in a row is so by the program itself: it is left alone then. */
const RETRIES_MAX = 6;

/** What a window asks about tasks as they are now. */
interface TaskView {
  /** What a task has armed. */
  readonly regionOf: (task: Task) => ArmedRegion | undefined;
  /** Whether the system call that is a task's next instruction sends another one a signal. */
  readonly sendsSignal: (task: Task) => boolean;
}

/**
 * Which positions of a path a search interrupts: boundaries of the first few dynamic entries of each
 * section by each task, with its abort path and its retries.
 */
export class Window {
  readonly #map: SectionMap;
  readonly #entriesMax: number;
  /** By the entries that are left of each section. */
  readonly #stops = new Map<string, RunStops>();
  readonly #tasks: TaskView;
  #counts: Uint8Array<ArrayBuffer>;
  /** Whether a snapshot holds #counts. */
  #isShared = false;
  #key = 0;

  constructor(map: SectionMap, entriesMax: number, tasks: TaskView) {
    this.#map = map;
    this.#tasks = tasks;
    this.#entriesMax = entriesMax;
    this.#counts = new Uint8Array(TASKS_MIN * map.sectionCount);
  }

  save(): Entries {
    this.#isShared = true;
    return { counts: this.#counts, key: this.#key };
  }

  restore({ counts, key }: Entries): void {
    this.#counts = counts;
    this.#isShared = true;
    this.#key = key;
  }

  /** Equal for entries that leave the same positions to interrupt; 32 bits. */
  get key(): number {
    return this.#key;
  }

  /** The task is about to execute `address`: an entry is counted, but no retry. */
  note(task: Task, address: number): void {
    for (const { section, place } of this.#map.spotsAt(address)) {
      if (!this.#isEntry(task, address, place)) continue;
      const most = place === 'inside' ? this.#entriesMax + 1 : this.#entriesMax;
      this.#count(this.#index(task, section), most);
    }
  }

  #isEntry(task: Task, address: number, place: Spot['place']): boolean {
    switch (place) {
      case 'access':
        return true;
      case 'signal':
        return this.#tasks.sendsSignal(task);
      case 'inside':
        return task.abortsInRow === 0 && this.#tasks.regionOf(task)?.start === address;
      case 'before':
      case 'after':
        return false;
    }
  }

  #count(at: number, most: number): void {
    const count = this.#counts[at] ?? 0;
    if (count >= Math.min(most, ENTRIES_LIMIT)) return;
    if (this.#isShared || at >= this.#counts.length) this.#copy(at);
    this.#counts[at] = count + 1;
    this.#key = (this.#key ^ mix(at, count) ^ mix(at, count + 1)) >>> 0;
  }

  #copy(highest: number): void {
    const room = Math.max(this.#counts.length, highest + this.#map.sectionCount);
    const counts = new Uint8Array(room);
    counts.set(this.#counts);
    this.#counts = counts;
    this.#isShared = false;
  }

  /** Whether the task may be interrupted before the instruction at `address`. */
  isBoundary(task: Task, address: number): boolean {
    if (task.abortsInRow > RETRIES_MAX) return false;
    const spots = this.#map.spotsAt(address);
    if (spots.length === 0) return task.abortsInRow > 0 && this.#isWithin(task);
    for (const spot of spots) {
      if (!this.#isOpen(task.id, spot)) continue;
      if (spot.place !== 'signal' || this.#tasks.sendsSignal(task)) return true;
    }
    return false;
  }

  /** Whether the place that an instruction has with a section is to be interrupted still. */
  #isOpen(task: number, { section, place }: Spot): boolean {
    const entries = this.#counts[task * this.#map.sectionCount + section] ?? 0;
    return isAhead(place) ? entries < this.#entriesMax : entries <= this.#entriesMax;
  }

  /**
   * Stops at all addresses that are boundaries of the task, none of whose sections is aborted just now,
   * until it enters one once more; and `alsoAt`.
   */
  stopsOf({ id }: Task, stopsAtSections: boolean, alsoAt: number | undefined): RunStops {
    const { sectionCount } = this.#map;
    const first = id * sectionCount;
    let key = `${stopsAtSections} ${alsoAt} `;
    for (let section = 0; section < sectionCount; section++) {
      const entries = this.#counts[first + section] ?? 0;
      key += entries < this.#entriesMax ? 'a' : entries === this.#entriesMax ? 'b' : 'c';
    }
    let stops = this.#stops.get(key);
    if (stops === undefined) {
      const open = this.#map.addresses.filter((address) =>
        this.#map.spotsAt(address).some((spot) => this.#isOpen(id, spot)),
      );
      if (alsoAt !== undefined) open.push(alsoAt);
      stops = { boundaries: stopsAtSections, instructions: new Set(open) };
      this.#stops.set(key, stops);
    }
    return stops;
  }

  /** Whether boundaries of the task may still come: if not, it can run on without a stop. */
  isNear(task: Task, address: number): boolean {
    for (const section of this.#map.sectionsOf(task.id)) {
      if ((this.#counts[this.#index(task, section)] ?? 0) < this.#entriesMax) return true;
    }
    return this.isBoundary(task, address);
  }

  #isWithin(task: Task): boolean {
    for (const section of this.#map.sectionsOf(task.id)) {
      if ((this.#counts[this.#index(task, section)] ?? 0) <= this.#entriesMax) return true;
    }
    return false;
  }

  #index(task: Task, section: number): number {
    return task.id * this.#map.sectionCount + section;
  }
}

/** 0 for a count of 0. */
function mix(at: number, count: number): number {
  if (count === 0) return 0;
  let hash = Math.imul(at * 256 + count, 0x9e37_79b1);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x85eb_ca77) >>> 0;
}
