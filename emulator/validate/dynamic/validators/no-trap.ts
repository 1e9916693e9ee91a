import type { Validator } from '../validator.ts';

/** R24: a breakpoint, or another instruction that traps, is executed inside a section. */
export const NO_TRAP: Validator = {
  rules: ['R24'],
  onTrap(run, task, exception, address, retired) {
    const section = run.sectionAt(address);
    if (section === undefined) return;
    run.report({
      rule: 'R24',
      task: task.id,
      section: section.region,
      address,
      message: () =>
        `task ${task.id} traps inside a section, at ${run.describe(task.id, address)}: ${exception}`,
      retired,
    });
  },
};
