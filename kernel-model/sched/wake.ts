import { assert } from '../assert.ts';
import type { SyscallContext } from '../syscalls/context.ts';
import type { Task } from '../task/task.ts';
import { choosePlacement, enqueue } from './run-queue.ts';

/** What moving a task needs of its surroundings. */
export type WakeContext = Pick<SyscallContext, 'state' | 'host' | 'profile' | 'choose'>;

/**
 * Wakes a blocked task (try_to_wake_up): its system call returns `result`, and it is queued where it
 * ran last, or elsewhere if its affinity changed meanwhile.
 */
export function wakeTask(context: WakeContext, task: Task, result: bigint): void {
  assert(task.state.kind === 'blocked', 'a blocked task', task.id);
  context.host.registers(task.id).write('rax', BigInt.asUintN(64, result));
  place(context, task, choosePlacement(context.state, task, task.vcpu, context.choose));
  enqueue(context.state, task);
}

/** Sets a task's vCPU (set_task_cpu), which is a migration event when it changes. */
export function place(context: WakeContext, task: Task, vcpu: number): void {
  if (task.vcpu === vcpu) return;
  task.vcpu = vcpu;
  context.profile.rseq.onMigrate(task);
}
