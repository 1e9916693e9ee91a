import type { KernelState, Vcpu } from '../../kernel-model/kernel-state.ts';
import type { Process, Task } from '../../kernel-model/task/task.ts';

/**
 * A copy that shares no mutable part: what tasks and processes hold is immutable. Fields are written
 * out because a spread is several times slower; the types make sure that none is missing.
 */
export function copyKernelState(state: KernelState): KernelState {
  const tasks: Task[] = [];
  for (const task of state.tasks) tasks.push(copyTask(task));
  const vcpus: Vcpu[] = [];
  for (const { id, current, queue, needResched } of state.vcpus) {
    vcpus.push({ id, current, queue: queue.slice(), needResched });
  }
  const processes: Process[] = [];
  for (const process of state.processes) processes.push({ ...process });
  return {
    now: state.now,
    tasks,
    vcpus,
    processes,
    nextTid: state.nextTid,
    nextObject: state.nextObject,
    seed: state.seed,
    randomWordsDrawn: state.randomWordsDrawn,
  };
}

function copyTask(task: Task): Task {
  return {
    id: task.id,
    tid: task.tid,
    process: task.process,
    state: task.state,
    vcpu: task.vcpu,
    affinity: task.affinity,
    clearChildTid: task.clearChildTid,
    robustList: task.robustList,
    rseq: task.rseq,
    rseqEvents: task.rseqEvents,
    rseqEventCounter: task.rseqEventCounter,
    rseqIds: task.rseqIds,
    rseqSlice: task.rseqSlice,
    notifyResume: task.notifyResume,
    entry: task.entry,
    systemCall: task.systemCall,
    signals: task.signals,
    hasSignalWork: task.hasSignalWork,
    mmCid: task.mmCid,
    abortedSection: task.abortedSection,
    abortsInRow: task.abortsInRow,
  };
}
