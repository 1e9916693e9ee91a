import type { KernelHost } from '../../kernel-model/kernel-state.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import type { Task, TaskId } from '../../kernel-model/task/task.ts';
import type { AccessLog } from '../engine/access-log.ts';
import type { CpuException } from '../engine/engine.ts';
import type { Outcome } from './outcome.ts';
import type { SectionEnd } from './sections.ts';

/** Entries of a filter table: the low bits of what indexes it. */
export const FILTER_ENTRIES = 1 << 16;
export const FILTER_MASK = FILTER_ENTRIES - 1;
/** Bytes of memory that share an entry of the filter of addresses. */
export const FILTER_GRANULE_SHIFT = 3;

/** What a watcher knows at one moment, as a value. Only its own kind of watcher understands it. */
export interface WatcherImage {
  readonly watcher: string;
}

/**
 * Follows a run from inside, in the order in which things happen. It is told of few stores: those for
 * which one of its filters has a byte that is not 0.
 */
export interface RunWatcher {
  /** By the low bits of the storing instruction's address. */
  readonly instructionFilter: Uint8Array;
  /** By the low bits of the stored address, in granules. */
  readonly addressFilter: Uint8Array;
  /**
   * Regions of which `reached` is wanted although no task armed them; another list once that
   * changes.
   */
  readonly regions: readonly ArmedRegion[];
  /**
   * Record `index` of the log is a store that retired, other than one that arms. `armed` is what the
   * task had armed then, `retired` the instructions of its slice with this one.
   */
  stored(
    task: Task,
    armed: ArmedRegion | undefined,
    log: AccessLog,
    index: number,
    retired: number,
  ): void;
  /** The first instruction of a region, or that after its last, is executed. */
  reached(task: Task, armed: ArmedRegion | undefined, address: number): void;
  sectionEnded(task: TaskId, end: SectionEnd, region: ArmedRegion): void;
  /** A slice ended with the task inside a section that it entered; its registers can be read. */
  pausedInside(task: Task, region: ArmedRegion): void;
  /** The `syscall` instruction at `address` is about to execute, after `retired` of its slice. */
  calling(task: Task, address: number, retired: number): void;
  readonly called: NonNullable<KernelHost['syscallDone']>;
  /** The instruction at `address` raised an exception. */
  trapped(task: Task, exception: CpuException, address: number, retired: number): void;
  /** The run ended so; what its outcome is to be. */
  verdict(outcome: Outcome): Outcome;
  /** Costs little where nothing changed since the last one. */
  save(): WatcherImage;
  restore(image: WatcherImage): void;
}

/** The filter that lets nothing through. */
export const NO_FILTER = new Uint8Array(FILTER_ENTRIES);
