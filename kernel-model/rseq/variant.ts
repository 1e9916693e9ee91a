import type { GuestAddress } from '../hardware/address.ts';
import type { TaskRegisters } from '../hardware/registers.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { MmCidScheme } from '../sched/mm-cid.ts';
import type { SyscallContext, SyscallEntry, SyscallResult } from '../syscalls/context.ts';
import type { Process, Task, TaskId } from '../task/task.ts';
import type { Scheme } from './scheme.ts';

/** A thread's registration, as rseq(2) took it (task_struct.rseq, rseq_len, rseq_sig). */
export interface RseqRegistration {
  readonly address: GuestAddress;
  readonly lengthBytes: number;
  readonly signature: number;
}

/** A thread's time-slice extension (task_struct.rseq.slice). */
export interface RseqSlice {
  readonly enabled: boolean;
  /** It keeps its CPU although it should be rescheduled, until `expires` in virtual time. */
  readonly granted: boolean;
  readonly expires: number;
  /** It gave a granted slice back by rseq_slice_yield(2). */
  readonly yielded: boolean;
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

/** What came of a task's time slice: 'fatal' is a fault at struct rseq, which forces SIGSEGV. */
export type SliceOutcome = 'none' | 'granted' | 'ended' | 'fatal';

/** The time-slice extension of a kernel that has it. */
export interface SliceExtension {
  /** A reschedule interrupted the task: 'granted' if it keeps its CPU for now. */
  grant(context: RseqContext, now: number): SliceOutcome;
  /** The granted time is over. */
  expire(context: RseqContext): SliceOutcome;
  /** A system call begins: 'ended' if it is in a granted slice, and must be rescheduled. */
  enterSyscall(context: RseqContext, number: number): SliceOutcome;
  /** prctl(PR_RSEQ_SLICE_EXTENSION, option, value). */
  control(context: SyscallContext, option: bigint, value: bigint): SyscallResult;
}

/**
 * One kernel's restartable-sequence ABI. One file a variant under this folder, one line in
 * registry.ts; state lives in Task and in user memory, never in the variant.
 */
export interface RseqVariant {
  /** AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN, for kernels that publish them. */
  readonly auxv: { readonly featureSizeBytes: number; readonly alignBytes: number } | undefined;
  /** The system calls this ABI adds, by number. */
  readonly syscalls: Readonly<Record<number, SyscallEntry>>;
  readonly slice?: SliceExtension;
  /** The task is switched out (rseq_preempt in the context switch). */
  onSwitchOut(task: Task): void;
  /** The task is about to run: its vCPU and mm_cid are set. Left out where only leaving counts. */
  readonly onSwitchIn?: (task: Task) => void;
  /** The task's CPU was set (rseq_migrate). */
  onMigrate(task: Task): void;
  /** An rseq membarrier interrupts the running task (ipi_rseq). */
  onMembarrier(task: Task): void;
  /** A handler frame is about to be built for the task (rseq_signal_deliver): it shows the outcome. */
  onSignal(context: RseqContext): ResumeOutcome;
  /** The end of a system call, before that work; for kernels that look at sections there. */
  readonly onSyscallExit?: (context: RseqContext) => ResumeOutcome;
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

/** The events that a variant is told of by what happens to a task, besides signals. */
export type RseqEventName = 'onSwitchOut' | 'onMigrate' | 'onMembarrier';

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
  /** Numbers below it that only later kernels know. */
  readonly absentSyscalls?: ReadonlySet<number>;
  /** The commands of membarrier(2), as a mask; left out: that of Linux 4.3 alone. */
  readonly membarrierCommands?: number;
  /** How mm_cid is handed out; left out: 'running'. See sched/mm-cid.ts. */
  readonly mmCidScheme?: MmCidScheme;
  /** What programs that run under it are written against. */
  readonly scheme: Scheme;
  readonly rseq: RseqVariant;
  /** The events that a kernel kept as a regression forgets; left out: none. */
  readonly lostEvents?: readonly RseqEventName[];
  /** The same kernel with an option of its own, by the word after `+` in `--kernel 6.18+debug`. */
  readonly options?: Readonly<Record<string, RseqVariant>>;
  /** What `--kernel` takes to get exactly this kernel, where that is not its name. */
  readonly selector?: string;
}
