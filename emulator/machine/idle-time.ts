import type { Kernel } from '../../kernel-model/kernel.ts';
import { blockedTasks, type Outcome } from './outcome.ts';

/** Nobody can run: jumps to the next timer. A deadlock is the outcome if there is none. */
export function skipIdleTime(kernel: Kernel): Outcome | undefined {
  const timer = kernel.nextTimer();
  if (timer === Number.POSITIVE_INFINITY) {
    return { kind: 'deadlock', blocked: blockedTasks(kernel.state.tasks) };
  }
  kernel.state.now = timer;
  kernel.expireTimers();
  return undefined;
}
