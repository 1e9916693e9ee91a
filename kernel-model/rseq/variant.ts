import type { GuestAddress } from '../hardware/address.ts';
import type { TaskRegisters } from '../hardware/registers.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { SyscallEntry } from '../syscalls/context.ts';
import type { Process, Task, TaskId } from '../task/task.ts';

/** A thread's registration, as rseq(2) took it (task_struct.rseq, rseq_len, rseq_sig). */
export interface RseqRegistration {
  readonly address: GuestAddress;
  readonly lengthBytes: number;
  readonly signature: number;
}

/**
 * The code range a task has armed, the one thing that the rest of the testbed asks of an ABI.
 * `start` is absent in ABIs without a lower bound; `abort` where the address is not fixed yet.
 */
export interface ArmedRegion {
  /** What names the region: the descriptor's address, or the ABI's nearest equivalent. */
  readonly source: number;
  readonly start: number | undefined;
  /** The post-commit address: the first one past the region. */
  readonly end: number;
  readonly abort: number | undefined;
}

/** The most recent user of restartable sequences on one vCPU, and how often it was another one. */
export interface CpuEvents {
  readonly lastTask: TaskId;
  readonly counter: number;
}

/** What some ABIs of 2015 keep for a whole process; plain and immutable. */
export interface ProcessRseq {
  /** Ranges of code that are armed in every registered thread, all the time. */
  readonly ranges: readonly ArmedRegion[];
  /** Event counters by vCPU; sparse. */
  readonly cpuEvents: readonly (CpuEvents | undefined)[];
}

export const NO_RANGES: readonly ArmedRegion[] = [];
export const NO_PROCESS_RSEQ: ProcessRseq = { ranges: NO_RANGES, cpuEvents: [] };

/** One task at a return to user mode, and what a variant may touch of it. */
export interface RseqContext {
  readonly task: Task;
  readonly process: Process;
  readonly memory: UserMemory;
  readonly registers: TaskRegisters;
}

export type ResumeOutcome =
  /** No section was interrupted; ids may have been written and a stale pointer cleared. */
  | { readonly kind: 'resumed' }
  /** The task was inside `region` at `from`; its instruction pointer is now the abort handler. */
  | { readonly kind: 'aborted'; readonly region: ArmedRegion; readonly from: number }
  /** Malformed user data: the kernel forces SIGSEGV. `reason` is for messages only. */
  | { readonly kind: 'fatal'; readonly reason: string };

export const RESUMED: ResumeOutcome = { kind: 'resumed' };

/**
 * One kernel's restartable-sequence ABI. One file a variant under this folder, one line in
 * registry.ts; state lives in Task and in user memory, never in the variant.
 */
export interface RseqVariant {
  /** AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN, for kernels that publish them. */
  readonly auxv: { readonly featureSizeBytes: number; readonly alignBytes: number } | undefined;
  /** The system calls this ABI adds, by number. */
  readonly syscalls: Readonly<Record<number, SyscallEntry>>;
  /** The task is switched out (rseq_preempt in the context switch). */
  onSwitchOut(task: Task): void;
  /** The task's CPU was set (rseq_migrate). */
  onMigrate(task: Task): void;
  /** An rseq membarrier interrupts the running task (ipi_rseq). */
  onMembarrier(task: Task): void;
  /** A handler frame is about to be built for the task (rseq_signal_deliver): it shows the outcome. */
  onSignal(context: RseqContext): ResumeOutcome;
  /** Work before the return to user mode; called when `task.notifyResume` is set, and clears it. */
  onResume(context: RseqContext): ResumeOutcome;
  /** A thread or process is created; `flags` are those of clone(2). */
  onClone(parent: Task, child: Task, flags: bigint): void;
  /**
   * The region armed now, whatever the instruction pointer is; of standing regions the one that holds
   * it. Reads user memory, changes nothing.
   */
  armedRegion(context: RseqContext): ArmedRegion | undefined;
  /**
   * The aligned 8-byte word whose store arms or disarms a section; none while unregistered, and in
   * ABIs that arm by no store. Its value is the `source` of the region it arms.
   */
  armingWord(task: Task): GuestAddress | undefined;
  /** Regions that are armed in every registered task without a store; the same list until it changes. */
  standingRegions(process: Process): readonly ArmedRegion[];
}

/** A kernel as `--kernel` names it: its ABI variant and what sets it apart. */
export interface KernelProfile {
  readonly name: string;
  /** When this behaviour was current, for people. */
  readonly era: string;
  readonly aliases: readonly string[];
  /** What distinguishes it from its neighbours, one sentence each. */
  readonly differences: readonly string[];
  readonly sources: readonly string[];
  /** Choices that no source confirms. */
  readonly inferred: readonly string[];
  /** utsname release. */
  readonly release: string;
  /** The highest system call number its table knows. */
  readonly lastSyscall: number;
  readonly rseq: RseqVariant;
}
