import type { GuestAddress } from '../hardware/address.ts';
import type { ProcessRseq, RseqRegistration, RseqSlice } from '../rseq/variant.ts';
import type { SignalSet } from '../signal/signal-set.ts';
import type { ProcessSignals, TaskSignals } from '../signal/signal-state.ts';

/** Tasks are numbered from 1 in order of creation and never reused; 0 means "none". */
export type TaskId = number;
/** vCPUs are numbered from 0. */
export type VcpuId = number;
/** Index into KernelState.processes. */
export type ProcessId = number;

/** What names a futex (union futex_key): waiters and wakers must agree in all of it. */
export interface FutexKey {
  /** Index into the address spaces; -1 for memory that several of them may share. */
  readonly space: number;
  /** Which shared memory it is, 0 for none. */
  readonly object: number;
  readonly address: number;
  /** Not FUTEX_PRIVATE_FLAG: the two never meet, as in Linux. */
  readonly shared: boolean;
}

/** Which children a wait is for. */
export type ChildSelector =
  | { readonly kind: 'any' }
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'group'; readonly group: number };

/** A wait for children, with where to tell of them. */
export interface ChildWait {
  readonly kind: 'child';
  readonly form: 'wait4' | 'waitid';
  readonly selector: ChildSelector;
  /** WAIT bits. */
  readonly options: number;
  readonly statusAddress: bigint;
  readonly usageAddress: bigint;
}

/** What a blocked task waits for: data, so that it can be hashed and restored. */
export type Wait =
  | {
      readonly kind: 'futex';
      readonly key: FutexKey;
      readonly bitset: number;
      /** The call as it was made, to be made again after a signal. */
      readonly address: GuestAddress;
      readonly isPrivate: boolean;
      readonly value: number;
      /** Place in the queue: of the waiters of a key, the one with the lowest came first. */
      readonly order: number;
    }
  | {
      readonly kind: 'sleep';
      readonly remainderAddress: bigint;
      /** Until a time of a clock: what is left is not told. */
      readonly isAbsolute: boolean;
    }
  /** Until a handler has run. */
  | { readonly kind: 'pause' }
  /** Until one of these signals is there (rt_sigtimedwait). */
  | { readonly kind: 'signal'; readonly set: SignalSet; readonly infoAddress: bigint }
  | ChildWait
  /** Until a child has its own memory or is gone (vfork). */
  | { readonly kind: 'vfork'; readonly child: ProcessId };

export type TaskState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'running' }
  | {
      readonly kind: 'blocked';
      readonly wait: Wait;
      /** Virtual time in retired instructions; Infinity without a timeout. */
      readonly deadline: number;
      /** Value of rax when the deadline passes. */
      readonly timeoutResult: bigint;
    }
  /** Its process was stopped by a signal. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'dead'; readonly status: number };

export type BlockedState = Extract<TaskState, { kind: 'blocked' }>;

export const READY: TaskState = { kind: 'ready' };
export const RUNNING: TaskState = { kind: 'running' };
export const STOPPED: TaskState = { kind: 'stopped' };

/** `Task.systemCall` of a task that is in none. */
export const NO_SYSCALL = -1;

/** How a task came into the kernel: Linux 6.19 and later tell an interrupt from a system call. */
export type KernelEntry = 'interrupt' | 'syscall';

/**
 * A thread (struct task_struct). Nested values are immutable and replaced as a whole, so that a
 * shallow copy is a snapshot; its registers live with the hardware.
 */
export interface Task {
  readonly id: TaskId;
  /** The guest-visible thread id, and that of its thread group's leader. */
  readonly tid: number;
  readonly process: ProcessId;
  state: TaskState;
  /** The vCPU it runs on or is queued on; where it wakes up. */
  vcpu: VcpuId;
  /** Bit n: may run on vCPU n. */
  affinity: bigint;
  /** CLONE_CHILD_CLEARTID address; 0 is none. */
  clearChildTid: number;
  robustList: bigint;
  rseq: RseqRegistration | undefined;
  /** Events that the variant has recorded, in its own bits. */
  rseqEvents: number;
  /** How often the kernel has resumed the thread, in the ABIs of 2016 that tell it so (32 bits). */
  rseqEventCounter: number;
  /** The ids that were last written to the area, where the variant compares them; see packIds. */
  rseqIds: number;
  /** Undefined where the kernel or the registration has no time-slice extension. */
  rseqSlice: RseqSlice | undefined;
  /** TIF_NOTIFY_RESUME: rseq work is due before the next return to user mode. */
  notifyResume: boolean;
  /**
   * 'syscall' from a system call on until the return to user mode. A task in user mode is about to be
   * interrupted, by whatever comes next.
   */
  entry: KernelEntry;
  /** The number of the system call it is in (orig_ax), or NO_SYSCALL. */
  systemCall: number;
  signals: TaskSignals;
  /** TIF_SIGPENDING: signals are to be looked at before the next return to user mode. */
  hasSignalWork: boolean;
  /** Memory-map concurrency id while running. */
  mmCid: number;
  /** The section of the last abort and how often in a row attempts at it failed: forward progress. */
  abortedSection: number;
  abortsInRow: number;
}

/** A thread group and its memory (struct signal_struct and mm_struct in one). */
export interface Process {
  readonly id: ProcessId;
  readonly tgid: number;
  /** Its process group. */
  group: number;
  /** The process that waits for it; none for the first one and for those whose parent is gone. */
  parent: ProcessId | undefined;
  /** The signal its parent gets at its end, 0 for none. */
  readonly exitSignal: number;
  /** It has ended and nobody can wait for it any more. */
  isReaped: boolean;
  /** Index into the kernel's address spaces. */
  readonly space: number;
  /** membarrier(2) registration commands done so far, as a mask. */
  membarrierRegistrations: number;
  /** Ranges and counters of the ABIs that have them a process; replaced as a whole. */
  rseq: ProcessRseq;
  signals: ProcessSignals;
  stop: StopState;
  /** How the whole group ended, once it has. */
  ending: ProcessEnding | undefined;
}

/** Whether a process is stopped, and the change that no parent has waited for yet. Immutable. */
export interface StopState {
  readonly isStopped: boolean;
  /** The signal that stopped it, SIGCONT once it was continued, 0 for nothing to report. */
  readonly unreported: number;
}

export const NOT_STOPPED: StopState = { isStopped: false, unreported: 0 };

export type ProcessEnding =
  | { readonly kind: 'exit'; readonly status: number }
  | {
      readonly kind: 'signal';
      readonly signal: number;
      /** si_code, and si_addr where an instruction caused it. */
      readonly code: number;
      readonly address: bigint;
      /** The task and its instruction when the signal was raised. */
      readonly task: TaskId;
      readonly instructionPointer: number;
    };
