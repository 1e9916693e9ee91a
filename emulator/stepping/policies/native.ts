import type { StepPolicyKind } from '../policy.ts';

/**
 * Single-stepping as ptrace does it: each stop takes the task off its CPU, so the kernel looks at its
 * section when it comes back, and aborts it where the ABI says so.
 */
export const NATIVE: StepPolicyKind = {
  summary: 'each stop is a reschedule, as under ptrace: the kernel aborts the section',
  make: () => ({
    step(task) {
      task.retire();
      task.reschedule();
    },
  }),
};
