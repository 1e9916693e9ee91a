import type { KernelContext } from '../kernel-state.ts';
import { settleRseq } from '../rseq/settle.ts';
import { deliverSignal } from '../signal/deliver.ts';
import { NO_SYSCALL, type Task } from './task.ts';

/** Whether a running task has work to do before it is in user mode again. */
export function hasExitWork(task: Task): boolean {
  return task.hasSignalWork || task.notifyResume;
}

/**
 * syscall_exit_work, then exit_to_user_mode_loop: signals, then what was to be done on resuming, until
 * neither is left. The task may have stopped or be dead afterwards.
 */
export function returnToUser(context: KernelContext, task: Task): void {
  const { rseq } = context.profile;
  if (task.entry === 'syscall' && rseq.onSyscallExit !== undefined) {
    settleRseq(context, task, rseq.onSyscallExit(context.rseqContext(task)));
  }
  while (task.state.kind === 'running' && hasExitWork(task)) {
    if (task.hasSignalWork) deliverSignal(context, task);
    if (task.state.kind === 'running' && task.notifyResume) {
      settleRseq(context, task, rseq.onResume(context.rseqContext(task)));
    }
  }
  if (task.state.kind !== 'running') return;
  task.entry = 'interrupt';
  task.systemCall = NO_SYSCALL;
}
