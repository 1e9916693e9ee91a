import { holds } from '../known-sections.ts';
import type { Validator } from '../validator.ts';

/** R14: a system call by an instruction of a section. */
export const NO_SYSTEM_CALL: Validator = {
  rules: ['R14'],
  onCalling(run, task, address, retired) {
    const section = run.sectionAt(address);
    if (section === undefined || !holds(section.region, address)) return;
    run.report({
      rule: 'R14',
      task: task.id,
      section: section.region,
      address,
      message: () =>
        `task ${task.id} makes a system call inside a section, at ${run.describe(task.id, address)}`,
      retired,
    });
  },
};
