import { assert } from '../assert.ts';
import type { KernelState } from '../kernel-state.ts';
import type { Process, Task } from './task.ts';

/** The process of a task. */
export function processOf(state: KernelState, task: Task): Process {
  const process = state.processes[task.process];
  assert(process !== undefined, 'process exists', task.process);
  return process;
}

/** The tasks of a process that are not dead. */
export function liveTasks(state: KernelState, process: Process): Task[] {
  return state.tasks.filter((task) => task.process === process.id && task.state.kind !== 'dead');
}
