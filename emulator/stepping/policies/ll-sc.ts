import { runUntil, type StepPolicyKind } from '../policy.ts';
import { scanExits } from '../scan.ts';

/**
 * What gdb does for load-linked and store-conditional on other architectures, for programs without
 * any table: once an instruction has armed a section, its code is decoded up to the commit, and the
 * task runs to whichever exit comes first. Where the code does not tell, it is plain stepping. Stops
 * are reschedules.
 */
export const LL_SC: StepPolicyKind = {
  summary: 'decodes from the arming store to the commit, as gdb does for ll/sc; stops reschedule',
  make: () => ({
    step(task) {
      task.reschedule();
      task.retire();
      const region = task.insideOf();
      if (region !== undefined) {
        const code = (address: number, lengthBytes: number) => task.code(address, lengthBytes);
        const exits = scanExits(code, region, task.instructionPointer);
        if (exits !== undefined) runUntil(task, (address) => exits.has(address));
      }
    },
  }),
};
