import type { KernelContext } from '../kernel-state.ts';
import { forceSegv } from '../signal/send.ts';
import type { Task } from '../task/task.ts';
import { noteFailedAttempt } from './progress.ts';
import type { ResumeOutcome } from './variant.ts';

/**
 * What follows from a variant's work on a task. Where that forces SIGSEGV, `signal` is the one whose
 * frame was about to be made, 0 for none.
 */
export function settleRseq(
  context: KernelContext,
  task: Task,
  outcome: ResumeOutcome,
  signal = 0,
): void {
  const { host } = context;
  switch (outcome.kind) {
    case 'resumed':
      return;
    case 'aborted':
      noteFailedAttempt(task, outcome.region);
      host.sectionAborted(task, outcome.region, outcome.from);
      return;
    case 'fatal':
      host.rseqRejected(task, outcome.reason);
      forceSegv(context, task, signal);
      return;
  }
}
