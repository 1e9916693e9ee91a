import type { KernelHost, KernelState } from '../../kernel-model/kernel-state.ts';
import type { AddressSpaceImage } from '../../kernel-model/mm/address-space.ts';
import type { MemoryImage } from '../../kernel-model/mm/memory-images.ts';
import type { AllocationImage } from '../../kernel-model/mm/physical-memory.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { CpuContext } from '../engine/engine.ts';
import type { DecisionsImage } from './decision-log.ts';
import type { Outcome } from './outcome.ts';
import type { Program } from './program.ts';
import type { SectionsImage } from './sections.ts';
import type { Strategy } from './strategy.ts';
import type { RunWatcher, WatcherImage } from './watcher.ts';

/** One load or store that retired; `instruction` is the address of what made it. */
export interface GuestAccess {
  readonly task: TaskId;
  readonly isStore: boolean;
  readonly address: number;
  readonly sizeBytes: number;
  readonly instruction: number;
  /** Instructions retired in the task's slice, with this one. */
  readonly retired: number;
}

export type AccessListener = (access: GuestAccess) => void;

/** How a program is run. */
export interface RunOptions {
  readonly program: Program;
  readonly profile: KernelProfile;
  /** 1 to 64. */
  readonly vcpus: number;
  /** Seeds getrandom and AT_RANDOM; the strategy has its own. */
  readonly seed: number;
  readonly maxInstructions: number;
  readonly strategy: Strategy;
  /** Takes what the guest writes to file descriptors 1 and 2. */
  readonly output: (descriptor: 1 | 2, bytes: Uint8Array) => void;
  /** Told of each system call. */
  readonly onSyscall?: KernelHost['syscallDone'];
  /** Told of each load and store; of loads only where the machine was opened with `logReads`. */
  readonly onAccess?: AccessListener;
  /** Follows the run; snapshots hold what it knows. */
  readonly watcher?: RunWatcher;
}

/** Counters of a run, kept by snapshots. */
export interface RunCounts {
  readonly instructions: number;
  readonly preemptions: number;
  readonly migrations: number;
  readonly signals: number;
}

/** The whole machine at one moment between two decisions. Opaque; valid on its own machine. */
export interface MachineSnapshot {
  readonly memory: MemoryImage;
  readonly allocation: AllocationImage;
  readonly spaces: readonly AddressSpaceImage[];
  readonly kernel: KernelState;
  readonly registers: readonly (CpuContext | undefined)[];
  readonly sections: SectionsImage;
  readonly watcher: WatcherImage | undefined;
  readonly counts: RunCounts;
  readonly outcome: Outcome | undefined;
  readonly decisions: DecisionsImage;
  /** Schedule position: decisions taken so far. */
  readonly decisionIndex: number;
}
