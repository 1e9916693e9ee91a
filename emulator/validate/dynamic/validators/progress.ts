import type { Validator } from '../validator.ts';

/** With slices that grow after two aborts, no section of reasonable length fails so often. */
const ABORTS_IN_ROW = 1000;

/** R23: a section is aborted again and again and never gets through. */
export const PROGRESS: Validator = {
  rules: ['R23'],
  onFailed(run, task, { section }, cause) {
    if (cause !== 'abort' || task.abortsInRow < ABORTS_IN_ROW) return;
    run.report({
      rule: 'R23',
      task: task.id,
      section: section.region,
      address: section.region.start,
      message: () =>
        `task ${task.id} was aborted ${task.abortsInRow} times in a row in the section at ` +
        `${run.describe(task.id, section.region.start)}`,
      retired: 0,
    });
  },
};
