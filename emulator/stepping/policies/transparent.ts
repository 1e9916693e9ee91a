import type { StepPolicyKind } from '../policy.ts';

/** A stop is no event for the guest's kernel; only an emulator can do that. */
export const TRANSPARENT: StepPolicyKind = {
  summary: 'a stop is no event; each instruction of a section is seen',
  make: () => ({
    step(task) {
      task.retire();
    },
  }),
};
