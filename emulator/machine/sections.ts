import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import { AbortSites, type AbortSitesImage, NO_ABORT_SITES } from './abort-sites.ts';

/** Counts of critical sections: entered = committed + aborted + exited + in flight. */
export interface SectionCounts {
  readonly entered: number;
  readonly committed: number;
  readonly aborted: number;
  readonly exited: number;
}

/** How a section that was entered ended; one that sent itself to its abort handler counts as exited. */
export type SectionEnd = 'committed' | 'aborted' | 'exited' | 'gave up';

/** Is told of each section that ends, before it is counted. */
export type SectionListener = (task: TaskId, end: SectionEnd, region: ArmedRegion) => void;

/** Everything the tracker knows, as a value. Opaque. */
export interface SectionsImage {
  readonly counts: SectionCounts;
  readonly inFlight: readonly (ArmedRegion | undefined)[];
  readonly pending: readonly (PendingEntry | undefined)[];
  readonly abortSites: AbortSitesImage;
}

/** A region that a store armed from within: entered once an instruction after the store retires. */
interface PendingEntry {
  readonly region: ArmedRegion;
  /** The address of the arming instruction. */
  readonly store: number;
}

/** Before any section was met. */
export const NO_SECTIONS: SectionsImage = {
  counts: { entered: 0, committed: 0, aborted: 0, exited: 0 },
  inFlight: [],
  pending: [],
  abortSites: NO_ABORT_SITES,
};

/** True when `address` lies in the region, its end excluded. */
function isInRegion(region: ArmedRegion, address: number): boolean {
  return address >= (region.start ?? 0) && address < region.end;
}

/** Without a lower bound, a failed comparison goes where the kernel would have sent the task. */
function isGivingUp({ start, abort }: ArmedRegion, address: number): boolean {
  return start === undefined && address === abort;
}

/**
 * Follows each task through its critical sections from the records of the access log. A section is
 * entered when its first instruction retires while armed, aborted when the kernel moves the task to
 * the abort handler, committed when the post-commit address is reached, else exited. Where the arming
 * store itself lies in the region, as in ABIs without lower bound, the first instruction is the one
 * after it, and disarming is a way out.
 */
export class Sections {
  readonly #onEnd: SectionListener;
  #entered = 0;
  #committed = 0;
  #aborted = 0;
  #exited = 0;
  #inFlight: (ArmedRegion | undefined)[] = [];
  #pending: (PendingEntry | undefined)[] = [];
  readonly #abortSites = new AbortSites();
  #saved: SectionsImage | undefined;

  constructor(onEnd: SectionListener) {
    this.#onEnd = onEnd;
  }

  get counts(): SectionCounts {
    return {
      entered: this.#entered,
      committed: this.#committed,
      aborted: this.#aborted,
      exited: this.#exited,
    };
  }

  /** How often tasks were caught at each instruction, by its address. */
  get abortsAt(): ReadonlyMap<number, number> {
    return this.#abortSites.counts;
  }

  /** The section a task has entered and not left. */
  inFlight(task: TaskId): ArmedRegion | undefined {
    return this.#inFlight[task];
  }

  /** Whether the task has entered a section, or armed one that it is about to enter. */
  isTracked(task: TaskId): boolean {
    return this.#inFlight[task] !== undefined || this.#pending[task] !== undefined;
  }

  /** The instruction at `store` stored to the task's arming word, and armed `region` or nothing. */
  armingStored(task: TaskId, region: ArmedRegion | undefined, store: number): void {
    this.#enterPending(task);
    const flight = this.#inFlight[task];
    if (flight !== undefined && flight.start === undefined) this.#end(task, 'exited');
    if (region === undefined || !isInRegion(region, store)) return;
    const isArmedAgain = flight?.source === region.source && flight.start !== undefined;
    if (isArmedAgain && isInRegion(flight, store)) return;
    this.#pending[task] = { region, store };
    this.#saved = undefined;
  }

  #enterPending(task: TaskId): void {
    const pending = this.#pending[task];
    if (pending === undefined) return;
    this.#pending[task] = undefined;
    this.#enter(task, pending.region);
  }

  #enter(task: TaskId, region: ArmedRegion): void {
    if (this.#inFlight[task] !== undefined) this.#end(task, 'exited');
    this.#entered++;
    this.#saved = undefined;
    this.#inFlight[task] = region;
  }

  /** A marked instruction starts executing; `previous` retired before it in the same task. */
  boundary(task: TaskId, armed: ArmedRegion | undefined, address: number, previous: number): void {
    this.#enterPending(task);
    const flight = this.#inFlight[task];
    if (flight !== undefined && address === flight.end) {
      this.#end(task, isInRegion(flight, previous) ? 'committed' : 'exited');
    } else if (flight !== undefined && isGivingUp(flight, address)) {
      this.#end(task, 'gave up');
    }
    if (armed?.start !== address) return;
    if (flight !== undefined && this.#inFlight[task] !== undefined) {
      const isLoopInside = flight.source === armed.source && isInRegion(flight, previous);
      if (isLoopInside) return;
    }
    this.#enter(task, armed);
  }

  /** The task stopped with `next` as its next instruction, after `last` retired. */
  settle(task: TaskId, next: number, last: number): void {
    const pending = this.#pending[task];
    if (pending !== undefined && pending.store !== last) this.#enterPending(task);
    const flight = this.#inFlight[task];
    if (flight === undefined || isInRegion(flight, next)) return;
    if (next === flight.end && isInRegion(flight, last)) this.#end(task, 'committed');
    else this.#end(task, isGivingUp(flight, next) ? 'gave up' : 'exited');
  }

  /** The kernel sent the task from `from` inside `region` to its abort handler. */
  aborted(task: TaskId, region: ArmedRegion, from: number): void {
    // Caught before its first instruction retired: counted as entered, so that the sum holds.
    this.#pending[task] = undefined;
    if (this.#inFlight[task] === undefined) this.#enter(task, region);
    this.#abortSites.record(from);
    this.#end(task, 'aborted');
  }

  #end(task: TaskId, end: SectionEnd): void {
    const region = this.#inFlight[task];
    if (region !== undefined) this.#onEnd(task, end, region);
    this.#inFlight[task] = undefined;
    this.#saved = undefined;
    switch (end) {
      case 'committed':
        this.#committed++;
        break;
      case 'aborted':
        this.#aborted++;
        break;
      case 'exited':
      case 'gave up':
        this.#exited++;
        break;
    }
  }

  save(): SectionsImage {
    this.#saved ??= {
      counts: this.counts,
      inFlight: this.#inFlight.slice(),
      pending: this.#pending.slice(),
      abortSites: this.#abortSites.save(),
    };
    return this.#saved;
  }

  restore(image: SectionsImage): void {
    if (image === this.#saved) return;
    this.#entered = image.counts.entered;
    this.#committed = image.counts.committed;
    this.#aborted = image.counts.aborted;
    this.#exited = image.counts.exited;
    this.#inFlight = image.inFlight.slice();
    this.#pending = image.pending.slice();
    this.#abortSites.restore(image.abortSites);
    this.#saved = image;
  }
}
