import type { Validator } from '../validator.ts';

const SYS_RSEQ_SLICE_YIELD = 471n;

/** R31: a granted time slice is ended by a system call other than rseq_slice_yield. */
export const SLICE_PROTOCOL: Validator = {
  rules: ['R31'],
  onCalling(run, task, address, retired) {
    if (task.rseqSlice?.granted !== true) return;
    const number = BigInt.asUintN(32, run.kernel.host.registers(task.id).read('rax'));
    if (number === SYS_RSEQ_SLICE_YIELD) return;
    run.report({
      rule: 'R31',
      task: task.id,
      address,
      message: () =>
        `task ${task.id} makes system call ${number} in a granted time slice, at ` +
        `${run.describe(task.id, address)}, before it gave it back`,
      retired,
    });
  },
};
