import type { StepPolicyKind } from '../policy.ts';
import { readSkipTable, runToExit, skippedAt } from '../skip-table.ts';

/**
 * The scheme of the mail of 8 April 2016: at the start of a section, breakpoints go to every exit of
 * the same key, and the task runs until it is at one of them. It asks nothing of kernel or CPU, so
 * stops are reschedules.
 */
export const KEY: StepPolicyKind = {
  summary:
    'skips a section by breakpoints at its exits (__rseq_keys, or __rseq_cs); stops reschedule',
  make: (image) => {
    const table = readSkipTable(image);
    return {
      warnings: table.problems,
      step(task) {
        const section = skippedAt(table, task);
        task.reschedule();
        if (section === undefined) task.retire();
        else runToExit(task, section);
      },
    };
  },
};
