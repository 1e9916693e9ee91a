import { SIGNALS } from '../abi/signal.ts';
import type { KernelState } from '../kernel-state.ts';
import { NO_PROCESS_RSEQ } from '../rseq/variant.ts';
import { INITIAL_TASK_SIGNALS } from '../signal/signal-state.ts';
import { NO_SYSCALL, NOT_STOPPED, type Task } from './task.ts';

/** Adds the first process and its task, over address space 0, to the state; it is in no queue yet. */
export function makeFirst(state: KernelState): Task {
  const tid = state.nextTid++;
  state.processes.push({
    id: 0,
    tgid: tid,
    group: tid,
    parent: undefined,
    exitSignal: SIGNALS.SIGCHLD,
    isReaped: false,
    space: 0,
    membarrierRegistrations: 0,
    rseq: NO_PROCESS_RSEQ,
    signals: { pending: [], actions: {}, target: 1 },
    stop: NOT_STOPPED,
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
    systemCall: NO_SYSCALL,
    signals: INITIAL_TASK_SIGNALS,
    hasSignalWork: false,
    mmCid: 0,
    abortedSection: 0,
    abortsInRow: 0,
  };
  state.tasks.push(task);
  return task;
}
