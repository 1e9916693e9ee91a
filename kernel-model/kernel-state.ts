import type { TaskRegisters } from './hardware/registers.ts';
import type { AddressSpace } from './mm/address-space.ts';
import type { UserMemory } from './mm/user-memory.ts';
import type { ArmedRegion, KernelProfile, RseqContext } from './rseq/variant.ts';
import type { Chooser } from './sched/decision.ts';
import type { SignalInfo } from './signal/siginfo.ts';
import type { SyscallArguments, SyscallEntry, SyscallResult } from './syscalls/context.ts';
import type { Process, Task, TaskId, VcpuId } from './task/task.ts';

/** A virtual CPU and its run queue. */
export interface Vcpu {
  readonly id: VcpuId;
  /** The running task; 0 when idle. */
  current: TaskId;
  /** Ready tasks in the order in which they will run by default. */
  queue: TaskId[];
  /** The running task yielded: another should be picked. */
  needResched: boolean;
}

/** All of the kernel's own state: plain data, hashed and saved field by field. */
export interface KernelState {
  /** Virtual time: instructions retired since boot, plus the time skipped while all were idle. */
  now: number;
  /** Task n is at index n - 1; dead tasks stay. */
  tasks: Task[];
  vcpus: Vcpu[];
  processes: Process[];
  nextTid: number;
  /** Names the next shared memory. */
  nextObject: number;
  /** Seeds getrandom and AT_RANDOM, with the number of words drawn so far. */
  readonly seed: number;
  randomWordsDrawn: number;
}

/** The kernel as its parts see it: what every operation may use. */
export interface KernelContext {
  readonly state: KernelState;
  readonly host: KernelHost;
  readonly profile: KernelProfile;
  readonly choose: Chooser;
  memoryOf(process: Process): UserMemory;
  rseqContext(task: Task): RseqContext;
  /** A signal that a task took or was to take ends its whole process. */
  killProcess(task: Task, info: SignalInfo): void;
}

/** What the kernel model needs from the machine around it. */
export interface KernelHost {
  /** Address spaces by index; `Process.space` names one. */
  readonly spaces: readonly AddressSpace[];
  registers(task: TaskId): TaskRegisters;
  /** Gives a new task its registers: a copy of its parent's. */
  createTask(task: TaskId, parent: TaskId): void;
  /** Copies an address space for fork; returns the index of the copy. */
  forkSpace(space: number): number;
  /** The task will not run again. */
  destroyTask(task: TaskId): void;
  /** Bytes that the guest wrote to file descriptor 1 or 2. */
  output(descriptor: 1 | 2, bytes: Uint8Array): void;
  /** A task was caught at `from` inside `region` and sent to its abort handler. */
  sectionAborted(task: Task, region: ArmedRegion, from: number): void;
  /** rseq forces SIGSEGV on a task; `reason` says what was malformed. */
  rseqRejected(task: Task, reason: string): void;
  /** A system call was carried out; for tracers. */
  syscallDone?(
    task: Task,
    entry: SyscallEntry,
    args: SyscallArguments,
    result: SyscallResult,
  ): void;
}
