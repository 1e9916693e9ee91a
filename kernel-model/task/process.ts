import { assert } from '../assert.ts';
import type { KernelState } from '../kernel-state.ts';
import type { Process, Task } from './task.ts';

/** The process of a task. */
export function processOf(state: KernelState, task: Task): Process {
  const process = state.processes[task.process];
  assert(process !== undefined, 'process exists', task.process);
  return process;
}

/** Whether two tasks have one address space: threads, or a parent and its child by vfork. */
export function sharesMemory(state: KernelState, a: Task, b: Task): boolean {
  return a.process === b.process || processOf(state, a).space === processOf(state, b).space;
}

/** The first task of a process, which stands for it even when it is dead. */
export function leaderOf(state: KernelState, process: Process): Task {
  const leader = state.tasks.find((task) => task.tid === process.tgid);
  assert(leader !== undefined, 'a process has a leader', process.id);
  return leader;
}

/** The tasks of a process that are not dead. */
export function liveTasks(state: KernelState, process: Process): Task[] {
  return state.tasks.filter((task) => task.process === process.id && task.state.kind !== 'dead');
}
