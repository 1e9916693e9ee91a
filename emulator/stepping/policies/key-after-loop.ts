import type { StepPolicyKind } from '../policy.ts';
import { readSkipTable, runToExit, type SkipSection, skippedAt } from '../skip-table.ts';

/**
 * The mail's second idea: step through the first attempt at a section, which the stops may spoil, and
 * skip to the exits once it has looped back to a start.
 */
export const KEY_AFTER_LOOP: StepPolicyKind = {
  summary: 'steps the first attempt at a section, then skips it as `key` does; stops reschedule',
  make: (image) => {
    const table = readSkipTable(image);
    // A loop may have come out of the compiler as several sections that take turns.
    const attempted = new Set<SkipSection>();
    return {
      warnings: table.problems,
      step(task) {
        const section = skippedAt(table, task);
        const hasLooped = section !== undefined && attempted.has(section);
        const skips = hasLooped && section.isEnteredAt(task);
        const isAborted = task.reschedule();
        if (skips) {
          runToExit(task, section);
        } else {
          if (section !== undefined) attempted.add(section);
          task.retire();
        }
        // A way out may be the way back from the abort handler, too.
        if (!isAborted && section?.ends.has(task.instructionPointer)) attempted.clear();
      },
    };
  },
};
