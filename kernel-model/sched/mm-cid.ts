import type { KernelState } from '../kernel-state.ts';
import { sharesMemory } from '../task/process.ts';
import type { Task } from '../task/task.ts';
import { taskOf } from './run-queue.ts';

/** The mm_cid of a task that has not run yet. */
export const NO_MM_CID = -1;

/**
 * How a kernel hands out concurrency ids, which are unique among the running threads of a process and
 * near zero. 'running', up to 6.18: a thread takes the lowest free one each time it is switched in.
 * 'owned', since 6.19: while there are no more threads than CPUs each keeps its own; beyond that the
 * CPUs own them and lend them to whoever runs. Which number is taken is our choice in both: the lowest
 * that is free, and for a CPU its own number.
 */
export type MmCidScheme = 'running' | 'owned';

/** The id of a task that is being switched in (mm_cid_get, mm_cid_schedin). */
export function mmCidFor(state: KernelState, task: Task, scheme: MmCidScheme): number {
  return scheme === 'owned' ? ownedCid(state, task) : lowestOfRunning(state, task);
}

function ownedCid(state: KernelState, task: Task): number {
  let users = 0;
  for (const other of state.tasks) if (isFellow(state, task, other)) users++;
  if (users >= state.vcpus.length) {
    return isRunningWith(state, task, task.vcpu) ? lowestOfRunning(state, task) : task.vcpu;
  }
  const own = task.mmCid;
  return own === NO_MM_CID || isOwned(state, task, own) ? lowestUnowned(state, task) : own;
}

function lowestOfRunning(state: KernelState, task: Task): number {
  let cid = 0;
  while (isRunningWith(state, task, cid)) cid++;
  return cid;
}

function lowestUnowned(state: KernelState, task: Task): number {
  let cid = 0;
  while (isOwned(state, task, cid)) cid++;
  return cid;
}

/** Another live task with the task's memory. */
function isFellow(state: KernelState, task: Task, other: Task): boolean {
  return other.id !== task.id && other.state.kind !== 'dead' && sharesMemory(state, task, other);
}

function isOwned(state: KernelState, task: Task, cid: number): boolean {
  return state.tasks.some((other) => isFellow(state, task, other) && other.mmCid === cid);
}

function isRunningWith(state: KernelState, task: Task, cid: number): boolean {
  for (const vcpu of state.vcpus) {
    if (vcpu.current === 0 || vcpu.current === task.id) continue;
    const other = taskOf(state, vcpu.current);
    if (other.mmCid === cid && sharesMemory(state, task, other)) return true;
  }
  return false;
}
