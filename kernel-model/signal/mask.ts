import type { KernelContext } from '../kernel-state.ts';
import { liveTasks, processOf } from '../task/process.ts';
import type { Task } from '../task/task.ts';
import { updateSignalWork } from './dequeue.ts';
import { setOf } from './pending.ts';
import { NO_SIGNALS, type SignalSet, UNCATCHABLE } from './signal-set.ts';
import { wakeForSignal } from './wake.ts';

/** set_current_blocked: SIGKILL and SIGSTOP stay open; other threads may have to take over. */
export function setSignalMask(context: KernelContext, task: Task, wanted: SignalSet): void {
  const mask = wanted & ~UNCATCHABLE;
  const { signals } = task;
  if (mask === signals.mask) return;
  if (task.hasSignalWork) retarget(context, task, mask & ~signals.mask);
  task.signals = { ...signals, mask };
  updateSignalWork(context, task);
}

/** retarget_shared_pending: signals to the process that `task` was to take and now blocks. */
function retarget(context: KernelContext, task: Task, blocked: SignalSet): void {
  const process = processOf(context.state, task);
  let left = setOf(process.signals.pending) & blocked;
  for (const other of liveTasks(context.state, process)) {
    if (left === NO_SIGNALS) return;
    if (other === task || (left & ~other.signals.mask) === NO_SIGNALS) continue;
    left &= other.signals.mask;
    if (!other.hasSignalWork) wakeForSignal(context, other);
  }
}
