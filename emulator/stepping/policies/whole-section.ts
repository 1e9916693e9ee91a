import { STEP_LIMIT_INSTRUCTIONS, type StepPolicyKind } from '../policy.ts';

/**
 * A step that leads into an armed region runs on until it is left; a stop is no event. The region is
 * the one that the ABI says is armed, so no table in the program is needed.
 */
export const WHOLE_SECTION: StepPolicyKind = {
  summary: 'a step inside a section runs to its end; a stop is no event',
  make: () => ({
    step(task) {
      for (let retired = 0; retired < STEP_LIMIT_INSTRUCTIONS; retired++) {
        if (!task.retire() || task.insideOf() === undefined) return;
      }
    },
  }),
};
