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

/**
 * What copyKernelState gives of `image`, made of the objects of `state`, which is given up, where
 * they are of the same tasks and processes: what others know of a task then stays good.
 */
export function restoreKernelState(state: KernelState, image: KernelState): KernelState {
  if (!haveSameProcesses(state, image)) return copyKernelState(image);
  state.tasks.length = Math.min(state.tasks.length, image.tasks.length);
  for (let i = 0; i < image.tasks.length; i++) {
    const [task, from] = [state.tasks[i], image.tasks[i]];
    if (from === undefined) continue;
    if (task?.tid === from.tid && task.process === from.process) assignTask(task, from);
    else state.tasks[i] = copyTask(from);
  }
  for (const [i, process] of image.processes.entries()) {
    const into = state.processes[i];
    if (into !== undefined) Object.assign(into, process);
  }
  for (const { id, current, queue, needResched } of image.vcpus) {
    const vcpu = state.vcpus[id];
    if (vcpu === undefined) continue;
    vcpu.current = current;
    vcpu.queue = queue.slice();
    vcpu.needResched = needResched;
  }
  const { now, nextTid, nextObject, randomWordsDrawn } = image;
  return Object.assign(state, { now, nextTid, nextObject, randomWordsDrawn });
}

function haveSameProcesses(state: KernelState, image: KernelState): boolean {
  return (
    state.processes.length === image.processes.length &&
    image.processes.every(({ tgid, space }, i) => {
      const process = state.processes[i];
      return process?.tgid === tgid && process.space === space;
    })
  );
}

/** Everything that can change in a task. */
function assignTask(task: Task, from: Task): void {
  task.state = from.state;
  task.vcpu = from.vcpu;
  task.affinity = from.affinity;
  task.clearChildTid = from.clearChildTid;
  task.robustList = from.robustList;
  task.rseq = from.rseq;
  task.rseqEvents = from.rseqEvents;
  task.rseqEventCounter = from.rseqEventCounter;
  task.rseqIds = from.rseqIds;
  task.rseqSlice = from.rseqSlice;
  task.notifyResume = from.notifyResume;
  task.entry = from.entry;
  task.systemCall = from.systemCall;
  task.signals = from.signals;
  task.hasSignalWork = from.hasSignalWork;
  task.mmCid = from.mmCid;
  task.abortedSection = from.abortedSection;
  task.abortsInRow = from.abortsInRow;
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
