import { CLONE } from '../abi/clone.ts';
import { toGuestAddress } from '../hardware/address.ts';
import type { KernelContext } from '../kernel-state.ts';
import { NO_MM_CID } from '../sched/mm-cid.ts';
import { choosePlacement, enqueue } from '../sched/run-queue.ts';
import { NOTHING_PENDING } from '../signal/pending.ts';
import { NO_ALTERNATE_STACK, type TaskSignals } from '../signal/signal-state.ts';
import { NO_SYSCALL, READY, type Task } from './task.ts';

/** A new thread as clone(2) and clone3(2) ask for it (struct kernel_clone_args). */
export interface ThreadRequest {
  readonly flags: bigint;
  /** Its stack pointer; 0 keeps the parent's. */
  readonly stackPointer: bigint;
  readonly childTid: bigint;
  readonly tls: bigint;
}

/**
 * Creates a thread of the parent's process with a copy of its registers and queues it on a vCPU of
 * its choice. Mirrors copy_process, copy_thread and wake_up_new_task.
 */
export function createThread(context: KernelContext, parent: Task, request: ThreadRequest): Task {
  const { state, host, profile, choose } = context;
  const child: Task = {
    ...parent,
    id: state.tasks.length + 1,
    tid: state.nextTid++,
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

function clearAddressOf(request: ThreadRequest): number {
  const wanted = (request.flags & CLONE.CHILD_CLEARTID) !== 0n;
  return wanted ? (toGuestAddress(request.childTid) ?? 0) : 0;
}
