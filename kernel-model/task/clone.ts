import { CLONE } from '../abi/clone.ts';
import { SIG_IGN } from '../abi/signal.ts';
import { toGuestAddress } from '../hardware/address.ts';
import type { KernelContext } from '../kernel-state.ts';
import { NO_MM_CID } from '../sched/mm-cid.ts';
import { choosePlacement, enqueue } from '../sched/run-queue.ts';
import { NOTHING_PENDING } from '../signal/pending.ts';
import {
  NO_ALTERNATE_STACK,
  type ProcessSignals,
  type TaskSignals,
} from '../signal/signal-state.ts';
import { processOf } from './process.ts';
import { NO_SYSCALL, NOT_STOPPED, type Process, READY, type Task } from './task.ts';

/** A new thread as clone(2) and clone3(2) ask for it (struct kernel_clone_args). */
export interface ThreadRequest {
  readonly flags: bigint;
  /** Its stack pointer; 0 keeps the parent's. */
  readonly stackPointer: bigint;
  readonly childTid: bigint;
  readonly tls: bigint;
}

/** What a new process is, besides its first task. */
export interface ProcessRequest extends ThreadRequest {
  /** The signal that its end sends, 0 for none. */
  readonly exitSignal: number;
}

/**
 * Creates a process with a copy of the parent's memory, or with that memory itself (CLONE_VM), and its
 * first task.
 */
export function createProcess(context: KernelContext, parent: Task, request: ProcessRequest): Task {
  const { state, host, profile } = context;
  const { flags } = request;
  const process = processOf(state, parent);
  const child: Process = {
    ...process,
    id: state.processes.length,
    tgid: state.nextTid,
    space: (flags & CLONE.VM) !== 0n ? process.space : host.forkSpace(process.space),
    parent: (flags & CLONE.PARENT) !== 0n ? process.parent : process.id,
    exitSignal: (flags & CLONE.PARENT) !== 0n ? process.exitSignal : request.exitSignal,
    isReaped: false,
    signals: {
      pending: NOTHING_PENDING,
      actions: inheritActions(process, flags),
      target: state.tasks.length + 1,
    },
    stop: NOT_STOPPED,
    ending: undefined,
  };
  state.processes.push(child);
  const task = createTask(context, parent, child, request);
  // wake_up_new_task sets its CPU, which counts as a migration.
  profile.rseq.onMigrate(task);
  return task;
}

/** Creates a thread of the parent's process. */
export function createThread(context: KernelContext, parent: Task, request: ThreadRequest): Task {
  return createTask(context, parent, processOf(context.state, parent), request);
}

/**
 * Creates a task with a copy of its registers and queues it on a vCPU of
 * its choice. Mirrors copy_process, copy_thread and wake_up_new_task.
 */
function createTask(
  context: KernelContext,
  parent: Task,
  process: Process,
  request: ThreadRequest,
): Task {
  const { state, host, profile, choose } = context;
  const child: Task = {
    ...parent,
    id: state.tasks.length + 1,
    tid: state.nextTid++,
    process: process.id,
    state: READY,
    clearChildTid: clearAddressOf(request),
    robustList: 0n,
    rseq: undefined,
    rseqEvents: 0,
    rseqEventCounter: 0,
    rseqIds: 0,
    rseqSlice: undefined,
    notifyResume: false,
    entry: 'syscall',
    systemCall: NO_SYSCALL,
    signals: inheritSignals(parent.signals, request.flags),
    hasSignalWork: false,
    mmCid: NO_MM_CID,
    abortedSection: 0,
    abortsInRow: 0,
  };
  state.tasks.push(child);
  host.createTask(child.id, parent.id);
  const registers = host.registers(child.id);
  registers.write('rax', 0n);
  if (request.stackPointer !== 0n) registers.write('rsp', request.stackPointer);
  if ((request.flags & CLONE.SETTLS) !== 0n) registers.write('fs_base', request.tls);
  profile.rseq.onClone(parent, child, request.flags);
  child.vcpu = choosePlacement(state, child, undefined, choose);
  enqueue(state, child);
  return child;
}

/** copy_process: the mask is inherited, what is pending is not, and a stack is not shared. */
function inheritSignals(parent: TaskSignals, flags: bigint): TaskSignals {
  const sharesMemory = (flags & (CLONE.VM | CLONE.VFORK)) === CLONE.VM;
  return {
    ...parent,
    savedMask: undefined,
    pending: NOTHING_PENDING,
    altStack: sharesMemory ? NO_ALTERNATE_STACK : parent.altStack,
    restart: { kind: 'none' },
  };
}

/** CLONE_CLEAR_SIGHAND keeps what is ignored ignored. */
function inheritActions({ signals }: Process, flags: bigint): ProcessSignals['actions'] {
  if ((flags & CLONE.CLEAR_SIGHAND) === 0n) return signals.actions;
  return Object.fromEntries(
    Object.entries(signals.actions).filter(([, { handler }]) => handler === SIG_IGN),
  );
}

function clearAddressOf(request: ThreadRequest): number {
  const wanted = (request.flags & CLONE.CHILD_CLEARTID) !== 0n;
  return wanted ? (toGuestAddress(request.childTid) ?? 0) : 0;
}
