import { assert } from '../assert.ts';
import type { KernelContext } from '../kernel-state.ts';
import { processOf } from '../task/process.ts';
import { STOPPED, type Task } from '../task/task.ts';
import { choosePlacement, enqueue } from './run-queue.ts';

/**
 * Wakes a blocked task (try_to_wake_up): its system call returns `result`, and it is queued where it
 * ran last, or elsewhere if its affinity changed meanwhile. In a stopped process it stops instead.
 */
export function wakeTask(context: KernelContext, task: Task, result: bigint): void {
  assert(task.state.kind === 'blocked', 'a blocked task', task.id);
  context.host.registers(task.id).write('rax', BigInt.asUintN(64, result));
  if (processOf(context.state, task).stop.isStopped) task.state = STOPPED;
  else resumeTask(context, task);
}

/** Queues a task that was blocked or stopped. */
export function resumeTask(context: KernelContext, task: Task): void {
  place(context, task, choosePlacement(context.state, task, task.vcpu, context.choose));
  enqueue(context.state, task);
}

/** Sets a task's vCPU (set_task_cpu), which is a migration event when it changes. */
export function place(context: KernelContext, task: Task, vcpu: number): void {
  if (task.vcpu === vcpu) return;
  task.vcpu = vcpu;
  context.profile.rseq.onMigrate(task);
}
