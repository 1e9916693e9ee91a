import type { StepPolicyKind } from '../policy.ts';

/**
 * Single-stepping as ptrace does it: each stop takes the task off its CPU, so that the kernel looks at
 * its section before it goes on, and aborts it where the ABI says so. As there, the stop still shows
 * the task inside, and what is executed next is the abort handler.
 */
export const NATIVE: StepPolicyKind = {
  summary: 'each stop is a reschedule, as under ptrace: the kernel aborts the section',
  make: () => ({
    step(task) {
      task.reschedule();
      task.retire();
    },
  }),
};
