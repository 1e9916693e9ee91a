import { SI_CODE, SIGNALS } from './abi/signal.ts';
import { assert } from './assert.ts';
import type { KernelHost, KernelState, Vcpu } from './kernel-state.ts';
import { UserMemory } from './mm/user-memory.ts';
import { noteFailedAttempt } from './rseq/progress.ts';
import {
  type KernelProfile,
  NO_PROCESS_RSEQ,
  type ResumeOutcome,
  type RseqContext,
  type SliceOutcome,
} from './rseq/variant.ts';
import type { Chooser } from './sched/decision.ts';
import { nextDeadline } from './sched/idle.ts';
import { type MmCidScheme, mmCidFor } from './sched/mm-cid.ts';
import { dequeue, dispatch, enqueue, isAllowed, taskOf, vcpuOf } from './sched/run-queue.ts';
import { place, wakeTask } from './sched/wake.ts';
import { fails, type SyscallArguments, type SyscallContext } from './syscalls/context.ts';
import { lookupSyscall } from './syscalls/lookup.ts';
import { exitGroup } from './task/exit.ts';
import type { Process, ProcessEnding, Task, TaskId, VcpuId } from './task/task.ts';

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
  readonly address: number;
}

const FIRST_PID = 100;

/**
 * The kernel model: what Linux does at system calls, context switches, migrations, interrupts and
 * faults, over plain state. It decides nothing that is a choice: decisions come from its caller, and
 * choices inside an operation go through the chooser.
 */
export class Kernel {
  readonly profile: KernelProfile;
  readonly host: KernelHost;
  state: KernelState;
  #choose: Chooser;
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
    this.#choose = choose;
    this.#mmCidScheme = profile.mmCidScheme ?? 'running';
    const vcpus: Vcpu[] = [];
    for (let id = 0; id < options.vcpus; id++) {
      vcpus.push({ id, current: 0, queue: [], needResched: false });
    }
    this.state = {
      now: 0,
      tasks: [],
      vcpus,
      processes: [],
      nextTid: FIRST_PID,
      seed: options.seed,
      randomWordsDrawn: 0,
    };
  }

  /** Creates the first process and its task over address space 0, queued on vCPU 0. */
  createFirstTask(): Task {
    const { state } = this;
    assert(state.tasks.length === 0, 'the first task');
    const tid = state.nextTid++;
    state.processes.push({
      id: 0,
      tgid: tid,
      space: 0,
      membarrierRegistrations: 0,
      rseq: NO_PROCESS_RSEQ,
      ending: undefined,
    });
    const task: Task = {
      id: 1,
      tid,
      process: 0,
      state: { kind: 'ready' },
      vcpu: 0,
      affinity: (1n << BigInt(state.vcpus.length)) - 1n,
      clearChildTid: 0,
      robustList: 0n,
      rseq: undefined,
      rseqEvents: 0,
      rseqEventCounter: 0,
      rseqIds: 0,
      rseqSlice: undefined,
      notifyResume: false,
      entry: 'interrupt',
      mmCid: 0,
      abortedSection: 0,
      abortsInRow: 0,
    };
    state.tasks.push(task);
    enqueue(state, task);
    return task;
  }

  /** The user memory of a process, through the logged accessor. */
  memoryOf(process: Process): UserMemory {
    let memory = this.#memories[process.space];
    if (memory === undefined) {
      const space = this.host.spaces[process.space];
      assert(space !== undefined, 'address space exists', process.space);
      memory = new UserMemory(space);
      this.#memories[process.space] = memory;
    }
    return memory;
  }

  processOf(task: Task): Process {
    const process = this.state.processes[task.process];
    assert(process !== undefined, 'process exists', task.process);
    return process;
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
      if (this.#keepsSlice(vcpu)) return false;
      if (vcpu.current !== 0) this.#deschedule(vcpu);
    }
    // What a task asks of its slice may have cost it its life.
    if (next.state.kind === 'dead') return false;
    dequeue(this.state, next);
    dispatch(vcpu, next);
    next.mmCid = mmCidFor(this.state, next, this.#mmCidScheme);
    this.profile.rseq.onSwitchIn?.(next);
    this.#returnToUser(next);
    return true;
  }

  /** Decision `migrate`: moves a running or queued task to another vCPU that its affinity allows. */
  migrate(taskId: TaskId, vcpuId: VcpuId): void {
    const task = taskOf(this.state, taskId);
    assert(isAllowed(task.affinity, vcpuId), 'affinity allows the vCPU', vcpuId);
    if (task.state.kind === 'running') this.#deschedule(vcpuOf(this.state, task.vcpu));
    dequeue(this.state, task);
    place(this.#wakeContext, task, vcpuId);
    enqueue(this.state, task);
  }

  /** Decision `fence`: an rseq membarrier interrupts the task running on a vCPU. */
  fence(vcpuId: VcpuId): void {
    const vcpu = vcpuOf(this.state, vcpuId);
    if (vcpu.current === 0) return;
    const task = taskOf(this.state, vcpu.current);
    this.profile.rseq.onMembarrier(task);
    this.#returnToUser(task);
  }

  /**
   * The task's system call, after the hardware moved rip past it and set rcx and r11. Ends with the
   * return to user mode of every running task that has work pending there.
   */
  syscall(task: Task): SyscallOutcome {
    const registers = this.host.registers(task.id);
    const number = Number(BigInt.asIntN(32, registers.read('rax')));
    const { slice } = this.profile.rseq;
    const isSliceOver =
      slice !== undefined &&
      task.rseqSlice?.granted === true &&
      this.#concludeSlice(task, slice.enterSyscall(this.rseqContext(task), number));
    if (task.state.kind === 'dead') return RESCHEDULED;
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
    const context = this.#syscallContext(task);
    const result = found.entry.handler(context, args);
    this.host.syscallDone?.(task, found.entry, args, result);
    switch (result.kind) {
      case 'return':
        registers.write('rax', BigInt.asUintN(64, result.value));
        break;
      case 'yield':
        registers.write('rax', 0n);
        break;
      case 'segfault':
        registers.write('rax', BigInt.asUintN(64, result.value));
        this.#carryOut(task, { kind: 'fatal', reason: result.reason });
        break;
      case 'block':
        this.#block(task, result.state);
        break;
      case 'exited':
        break;
      case 'unsupported':
        return { kind: 'unsupported', message: `${found.entry.name}: ${result.detail}` };
    }
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

  /** A synchronous exception: no handler can be installed yet, so the default action ends the group. */
  trap(task: Task, trap: Trap): void {
    this.#kill(task, trap);
  }

  /** The virtual time of the earliest timer; Infinity when none is armed. */
  nextTimer(): number {
    return nextDeadline(this.state);
  }

  /** Ends every wait and time slice whose deadline has come, in the order of deadlines, then of ids. */
  expireTimers(): void {
    for (;;) {
      const due = nextDeadline(this.state);
      if (due > this.state.now) return;
      for (const task of this.state.tasks) {
        if (task.rseqSlice?.granted && task.rseqSlice.expires === due) this.#expireSlice(task);
        if (task.state.kind !== 'blocked' || task.state.deadline !== due) continue;
        wakeTask(this.#wakeContext, task, task.state.timeoutResult);
      }
    }
  }

  get #wakeContext(): Pick<SyscallContext, 'state' | 'host' | 'profile' | 'choose'> {
    return { state: this.state, host: this.host, profile: this.profile, choose: this.#choose };
  }

  #syscallContext(task: Task): SyscallContext {
    const process = this.processOf(task);
    return {
      state: this.state,
      host: this.host,
      profile: this.profile,
      choose: this.#choose,
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

  /** Whether the vCPU's task, which is to be rescheduled, has its time slice extended instead. */
  #keepsSlice(vcpu: Vcpu): boolean {
    const task = taskOf(this.state, vcpu.current);
    const { slice } = this.profile.rseq;
    if (slice === undefined || task.rseqSlice === undefined || vcpu.needResched) return false;
    const outcome = slice.grant(this.rseqContext(task), this.state.now);
    this.#concludeSlice(task, outcome);
    return outcome === 'granted';
  }

  #expireSlice(task: Task): void {
    const { slice } = this.profile.rseq;
    if (slice === undefined) return;
    this.#concludeSlice(task, slice.expire(this.rseqContext(task)));
    vcpuOf(this.state, task.vcpu).needResched = true;
  }

  /** Whether a slice ended; a fault at its control word is SIGSEGV. */
  #concludeSlice(task: Task, outcome: SliceOutcome): boolean {
    if (outcome !== 'fatal') return outcome === 'ended';
    const reason = 'slice_ctrl of struct rseq cannot be used';
    this.#carryOut(task, { kind: 'fatal', reason });
    return false;
  }

  #block(task: Task, blocked: Task['state']): void {
    const vcpu = vcpuOf(this.state, task.vcpu);
    this.profile.rseq.onSwitchOut(task);
    vcpu.current = 0;
    task.state = blocked;
  }

  /** exit_to_user_mode_loop for every running task with work pending (interrupted or calling). */
  #returnAllToUser(): void {
    for (const vcpu of this.state.vcpus) {
      if (vcpu.current !== 0) this.#returnToUser(taskOf(this.state, vcpu.current));
    }
  }

  #returnToUser(task: Task): void {
    const { rseq } = this.profile;
    if (task.entry === 'syscall' && rseq.onSyscallExit !== undefined) {
      this.#carryOut(task, rseq.onSyscallExit(this.rseqContext(task)));
    }
    if (task.notifyResume) this.#carryOut(task, rseq.onResume(this.rseqContext(task)));
    task.entry = 'interrupt';
  }

  #carryOut(task: Task, outcome: ResumeOutcome): void {
    switch (outcome.kind) {
      case 'resumed':
        return;
      case 'aborted':
        noteFailedAttempt(task, outcome.region);
        this.host.sectionAborted(task, outcome.region, outcome.from);
        return;
      case 'fatal':
        this.host.rseqRejected(task, outcome.reason);
        this.#kill(task, { signal: SIGNALS.SIGSEGV, code: SI_CODE.SI_KERNEL, address: 0 });
        return;
    }
  }

  #kill(task: Task, trap: Trap): void {
    const ending: ProcessEnding = {
      kind: 'signal',
      ...trap,
      task: task.id,
      instructionPointer: this.host.registers(task.id).instructionPointer,
    };
    exitGroup(this.#wakeContext, this.processOf(task), ending);
  }
}
