import type { KernelContext } from '../kernel-state.ts';
import { processOf } from '../task/process.ts';
import type { Task } from '../task/task.ts';
import { setOf, type Taken, take, takeFault } from './pending.ts';
import type { SignalInfo } from './siginfo.ts';
import { NO_SIGNALS, type SignalSet } from './signal-set.ts';

/** recalc_sigpending: whether there is a signal to deliver before the next return to user mode. */
export function updateSignalWork({ state }: KernelContext, task: Task): void {
  const shared = setOf(processOf(state, task).signals.pending);
  const { mask, pending } = task.signals;
  task.hasSignalWork = ((setOf(pending) | shared) & ~mask) !== NO_SIGNALS;
}

/** dequeue_signal: one that is not blocked, of the task's own before those of its process. */
export function dequeueSignal(
  context: KernelContext,
  task: Task,
  blocked: SignalSet,
): SignalInfo | undefined {
  const process = processOf(context.state, task);
  const own = take(task.signals.pending, blocked);
  if (own !== undefined) return accept(context, task, own);
  const shared = take(process.signals.pending, blocked);
  if (shared !== undefined) process.signals = { ...process.signals, pending: shared.rest };
  updateSignalWork(context, task);
  return shared?.info;
}

/** dequeue_synchronous_signal: a fault comes before everything else. */
export function dequeueFault(context: KernelContext, task: Task): SignalInfo | undefined {
  const fault = takeFault(task.signals.pending, task.signals.mask);
  return fault === undefined ? undefined : accept(context, task, fault);
}

function accept(context: KernelContext, task: Task, { info, rest }: Taken): SignalInfo {
  task.signals = { ...task.signals, pending: rest };
  updateSignalWork(context, task);
  return info;
}
