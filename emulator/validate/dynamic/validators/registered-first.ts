import type { Validator } from '../validator.ts';

/** So many tries of a thread that is not registered are no fallback any more. */
const STARTS_IN_VAIN = 1000;

/**
 * R30. To run into a section unregistered is allowed: its comparison of cpu_id fails. Not allowed is to
 * store there, or to try for ever.
 */
export const REGISTERED_FIRST: Validator = {
  rules: ['R30'],
  onStore(run, { task, section, instruction, retired }) {
    if (section === undefined || task.rseq !== undefined) return;
    const where = run.describe(task.id, instruction);
    run.report({
      rule: 'R30',
      task: task.id,
      section: section.region,
      address: instruction,
      message: () =>
        `task ${task.id} stores at ${where} in a section, but has not registered: no ` +
        `interruption will abort it`,
      retired,
    });
  },
  onStart(run, task) {
    if (task.rseq === undefined) run.state.countUnregisteredStart(task.id);
  },
  onEnd(run, outcome) {
    if (outcome.kind !== 'budget') return;
    for (const task of run.kernel.state.tasks) {
      const starts = run.state.unregisteredStarts(task.id);
      const section = run.state.attempts[task.id]?.section.region;
      const isTrying = task.rseq === undefined && task.state.kind !== 'dead';
      if (!isTrying || starts < STARTS_IN_VAIN || section === undefined) continue;
      run.report({
        rule: 'R30',
        task: task.id,
        section,
        address: section.start,
        message: () =>
          `task ${task.id} began ${starts} sections without having registered, the last at ` +
          `${run.describe(task.id, section.start)}: cpu_id stays -1, and its comparison fails each time`,
        retired: 0,
      });
    }
  },
};
