import { VECTOR } from './abi/sigframe.ts';
import { SI_CODE } from './abi/signal.ts';
import { assert } from './assert.ts';
import type { KernelContext, KernelHost, KernelState, Vcpu } from './kernel-state.ts';
import { UserMemory } from './mm/user-memory.ts';
import { settleRseq } from './rseq/settle.ts';
import { endsSlice, expireSlice, keepsSlice } from './rseq/slice-extension.ts';
import type { KernelProfile, RseqContext } from './rseq/variant.ts';
import type { Chooser } from './sched/decision.ts';
import { nextDeadline } from './sched/idle.ts';
import { type MmCidScheme, mmCidFor } from './sched/mm-cid.ts';
import {
  dequeue,
  dispatch,
  enqueue,
  exchange,
  isAllowed,
  taskOf,
  vcpuOf,
} from './sched/run-queue.ts';
import { place, wakeTask } from './sched/wake.ts';
import { forceSignal, sendSignal } from './signal/send.ts';
import { faultInfo, kernelInfo, type SignalInfo, sentInfo } from './signal/siginfo.ts';
import { interruptionResult } from './signal/wake.ts';
import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallResult,
} from './syscalls/context.ts';
import { lookupSyscall } from './syscalls/lookup.ts';
import { exitGroup } from './task/exit.ts';
import { makeFirst } from './task/first.ts';
import { processOf } from './task/process.ts';
import type { Process, ProcessEnding, Task, TaskId, VcpuId } from './task/task.ts';
import { hasExitWork, returnToUser } from './task/user-mode.ts';

/** What came of a system call, for the run loop. */
export type SyscallOutcome =
  | { readonly kind: 'done' }
  /** The task no longer runs on its vCPU, or asked that another be picked. */
  | { readonly kind: 'rescheduled' }
  | { readonly kind: 'unsupported'; readonly message: string };

const DONE: SyscallOutcome = { kind: 'done' };
const RESCHEDULED: SyscallOutcome = { kind: 'rescheduled' };

/** A synchronous exception of the guest that the kernel turns into a signal. */
export interface Trap {
  readonly signal: number;
  readonly code: number;
  /** si_addr; of no meaning where the code is SI_KERNEL. */
  readonly address: bigint;
  /** What the frame shows as trapno and err, and as cr2 if the exception is a page fault. */
  readonly vector: number;
  readonly errorCode: number;
  readonly cr2?: bigint;
}

const FIRST_PID = 100;
/** What a sender outside of the guest's processes looks like: nobody's process id. */
const OUTSIDE_PID = 0;
/** The CPU sets it in the flags it saves for a fault, as opposed to a trap. */
const RESUME_FLAG = 0x1_0000n;

/**
 * The kernel model: what Linux does at system calls, context switches, migrations, interrupts and
 * faults, over plain state. It decides nothing that is a choice: decisions come from its caller, and
 * choices inside an operation go through the chooser.
 */
export class Kernel implements KernelContext {
  readonly profile: KernelProfile;
  readonly host: KernelHost;
  #state: KernelState;
  /**
   * False only while no task waits with a deadline or has a granted time slice: those begin in #block
   * and in switchTo.
   */
  #mayHaveTimer = true;
  readonly choose: Chooser;
  readonly #mmCidScheme: MmCidScheme;
  #memories: UserMemory[] = [];
  /** By task id; one that names another task object is out of date. */
  #contexts: RseqContext[] = [];

  constructor(
    profile: KernelProfile,
    host: KernelHost,
    choose: Chooser,
    options: { readonly vcpus: number; readonly seed: number },
  ) {
    assert(options.vcpus >= 1 && options.vcpus <= 64, '1 to 64 vCPUs');
    this.profile = profile;
    this.host = host;
    this.choose = choose;
    this.#mmCidScheme = profile.mmCidScheme ?? 'running';
    const vcpus: Vcpu[] = [];
    for (let id = 0; id < options.vcpus; id++) {
      vcpus.push({ id, current: 0, queue: [], needResched: false });
    }
    this.#state = {
      now: 0,
      tasks: [],
      vcpus,
      processes: [],
      nextTid: FIRST_PID,
      nextObject: 1,
      seed: options.seed,
      randomWordsDrawn: 0,
    };
  }

  get state(): KernelState {
    return this.#state;
  }

  /** Replaces the whole state, by one of the same guest. */
  set state(state: KernelState) {
    this.#state = state;
    this.#mayHaveTimer = true;
  }

  /** Creates the first process and its task over address space 0, queued on vCPU 0. */
  createFirstTask(): Task {
    const { state } = this;
    assert(state.tasks.length === 0, 'the first task');
    const task = makeFirst(state);
    enqueue(state, task);
    return task;
  }

  /** The user memory of a process, through the logged accessor. */
  memoryOf(process: Process): UserMemory {
    const space = this.host.spaces[process.space];
    assert(space !== undefined, 'address space exists', process.space);
    let memory = this.#memories[process.space];
    if (memory?.space !== space) {
      memory = new UserMemory(space);
      this.#memories[process.space] = memory;
    }
    return memory;
  }

  processOf(task: Task): Process {
    return processOf(this.state, task);
  }

  /** What an rseq variant may see of a task. */
  rseqContext(task: Task): RseqContext {
    const known = this.#contexts[task.id];
    if (known?.task === task) return known;
    const process = this.processOf(task);
    const context: RseqContext = {
      task,
      process,
      memory: this.memoryOf(process),
      registers: this.host.registers(task.id),
    };
    this.#contexts[task.id] = context;
    return context;
  }

  /**
   * Decision `switch`: see Decision. The task must be current or queued on that vCPU. Returns whether
   * the switch was made: the running task may get its time slice extended instead.
   */
  switchTo(vcpuId: VcpuId, taskId: TaskId): boolean {
    const vcpu = vcpuOf(this.state, vcpuId);
    const next = taskOf(this.state, taskId);
    assert(next.vcpu === vcpuId, 'the task is on the vCPU', taskId);
    if (vcpu.current !== 0) {
      if (keepsSlice(this, vcpu)) {
        this.#mayHaveTimer = true;
        return false;
      }
      const previous = taskOf(this.state, vcpu.current);
      this.profile.rseq.onSwitchOut(previous);
      exchange(vcpu, previous, next);
    } else dequeue(this.state, next);
    dispatch(vcpu, next);
    next.mmCid = mmCidFor(this.state, next, this.#mmCidScheme);
    this.profile.rseq.onSwitchIn?.(next);
    const hasSignals = next.hasSignalWork;
    returnToUser(this, next);
    // A signal can concern other tasks, rseq work only if it killed this one.
    if (hasSignals || next.state.kind !== 'running') this.#returnAllToUser();
    return true;
  }

  /** Decision `migrate`: moves a running or queued task to another vCPU that its affinity allows. */
  migrate(taskId: TaskId, vcpuId: VcpuId): void {
    const task = taskOf(this.state, taskId);
    assert(isAllowed(task.affinity, vcpuId), 'affinity allows the vCPU', vcpuId);
    if (task.state.kind === 'running') this.#deschedule(vcpuOf(this.state, task.vcpu));
    dequeue(this.state, task);
    place(this, task, vcpuId);
    enqueue(this.state, task);
  }

  /** Decision `fence`: an rseq membarrier interrupts the task running on a vCPU. */
  fence(vcpuId: VcpuId): void {
    const vcpu = vcpuOf(this.state, vcpuId);
    if (vcpu.current === 0) return;
    const task = taskOf(this.state, vcpu.current);
    this.profile.rseq.onMembarrier(task);
    this.#returnAllToUser();
  }

  /** Decision `signal`: a process outside sends one to a task that is not dead. */
  signal(taskId: TaskId, signal: number): void {
    const task = taskOf(this.state, taskId);
    sendSignal(this, task, sentInfo({ signal, code: SI_CODE.SI_USER }, OUTSIDE_PID), 'thread');
    this.#returnAllToUser();
  }

  /**
   * The task's system call, after the hardware moved rip past it and set rcx and r11. Ends with the
   * return to user mode of every running task that has work pending there.
   */
  syscall(task: Task): SyscallOutcome {
    const registers = this.host.registers(task.id);
    const number = Number(BigInt.asIntN(32, registers.read('rax')));
    const isSliceOver = endsSlice(this, task, number);
    task.entry = 'syscall';
    const found = lookupSyscall(this.profile, number);
    switch (found.kind) {
      case 'unknown':
        registers.write('rax', BigInt.asUintN(64, fails('ENOSYS').value));
        return this.#endSyscall(task, isSliceOver);
      case 'unmodelled':
        return { kind: 'unsupported', message: `system call ${found.name} (${number})` };
      case 'modelled':
        break;
    }
    const args: SyscallArguments = [
      registers.read('rdi'),
      registers.read('rsi'),
      registers.read('rdx'),
      registers.read('r10'),
      registers.read('r8'),
      registers.read('r9'),
    ];
    task.systemCall = number;
    const context = this.#syscallContext(task);
    const result = found.entry.handler(context, args);
    this.host.syscallDone?.(task, found.entry, args, result);
    if (result.kind === 'unsupported') {
      return { kind: 'unsupported', message: `${found.entry.name}: ${result.detail}` };
    }
    if (task.state.kind !== 'dead') this.#finishCall(task, result);
    return this.#endSyscall(task, isSliceOver || result.kind === 'yield');
  }

  #endSyscall(task: Task, givesWay: boolean): SyscallOutcome {
    this.#returnAllToUser();
    if (task.state.kind !== 'running') return RESCHEDULED;
    const vcpu = vcpuOf(this.state, task.vcpu);
    if (!givesWay || vcpu.queue.length === 0) return DONE;
    // A task that gives way is still inside its call when another is dispatched in its place.
    task.entry = 'syscall';
    vcpu.needResched = true;
    return RESCHEDULED;
  }

  #finishCall(task: Task, result: Exclude<SyscallResult, { kind: 'unsupported' }>): void {
    const registers = this.host.registers(task.id);
    switch (result.kind) {
      case 'return':
        registers.write('rax', BigInt.asUintN(64, result.value));
        return;
      case 'yield':
        registers.write('rax', 0n);
        return;
      case 'segfault':
        registers.write('rax', BigInt.asUintN(64, result.value));
        settleRseq(this, task, { kind: 'fatal', reason: result.reason });
        return;
      case 'block': {
        const interrupted = task.hasSignalWork
          ? interruptionResult(this, task, result.state)
          : undefined;
        if (interrupted === undefined) this.#block(task, result.state);
        else registers.write('rax', BigInt.asUintN(64, interrupted));
        return;
      }
      case 'restored':
      case 'exited':
        return;
    }
  }

  /** A synchronous exception: its signal is forced on the task. */
  trap(task: Task, trap: Trap): void {
    const { signal, code, vector, errorCode } = trap;
    const cr2 = trap.cr2 ?? task.signals.exception.cr2;
    task.signals = { ...task.signals, exception: { vector, errorCode, cr2 } };
    const registers = this.host.registers(task.id);
    if (vector !== VECTOR.BREAKPOINT) {
      registers.write('rflags', registers.read('rflags') | RESUME_FLAG);
    }
    const isAnonymous = code === SI_CODE.SI_KERNEL;
    const info = isAnonymous ? kernelInfo(signal) : faultInfo({ signal, code }, trap.address);
    forceSignal(this, task, info, 'current');
    this.#returnAllToUser();
  }

  killProcess(task: Task, { signal, code, fields }: SignalInfo): void {
    const ending: ProcessEnding = {
      kind: 'signal',
      signal,
      code,
      address: fields[0],
      task: task.id,
      instructionPointer: this.host.registers(task.id).instructionPointer,
    };
    exitGroup(this, this.processOf(task), ending);
  }

  /** The virtual time of the earliest timer; Infinity when none is armed. */
  nextTimer(): number {
    if (!this.#mayHaveTimer) return Number.POSITIVE_INFINITY;
    const deadline = nextDeadline(this.state);
    this.#mayHaveTimer = deadline !== Number.POSITIVE_INFINITY;
    return deadline;
  }

  /** Ends every wait and time slice whose deadline has come, in the order of deadlines, then of ids. */
  expireTimers(): void {
    for (;;) {
      const due = this.nextTimer();
      if (due > this.state.now) return;
      for (const task of this.state.tasks) {
        if (task.rseqSlice?.granted && task.rseqSlice.expires === due) {
          expireSlice(this, task);
          this.#returnAllToUser();
        }
        if (task.state.kind !== 'blocked' || task.state.deadline !== due) continue;
        wakeTask(this, task, task.state.timeoutResult);
      }
    }
  }

  #syscallContext(task: Task): SyscallContext {
    const process = this.processOf(task);
    return {
      state: this.state,
      host: this.host,
      profile: this.profile,
      choose: this.choose,
      memoryOf: (of) => this.memoryOf(of),
      rseqContext: (of) => this.rseqContext(of),
      killProcess: (of, info) => this.killProcess(of, info),
      task,
      process,
      memory: this.memoryOf(process),
      registers: this.host.registers(task.id),
    };
  }

  /** Takes the current task off the vCPU (prepare_task_switch) and queues it. */
  #deschedule(vcpu: Vcpu): void {
    const task = taskOf(this.state, vcpu.current);
    this.profile.rseq.onSwitchOut(task);
    vcpu.current = 0;
    enqueue(this.state, task);
  }

  #block(task: Task, blocked: Task['state']): void {
    const vcpu = vcpuOf(this.state, task.vcpu);
    this.profile.rseq.onSwitchOut(task);
    vcpu.current = 0;
    task.state = blocked;
    this.#mayHaveTimer = true;
  }

  /**
   * The return to user mode of every running task with work to do before it (interrupted or calling).
   * What one does may concern another: a signal to it, its end.
   */
  #returnAllToUser(): void {
    for (let isDone = false; !isDone; ) {
      isDone = true;
      for (const vcpu of this.state.vcpus) {
        if (vcpu.current === 0) continue;
        const task = taskOf(this.state, vcpu.current);
        if (hasExitWork(task)) isDone = false;
        returnToUser(this, task);
      }
    }
  }
}
