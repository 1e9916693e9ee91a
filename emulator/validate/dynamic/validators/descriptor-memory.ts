import { RSEQ_CS } from '../../../../kernel-model/abi/rseq.ts';
import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { Call, ValidatedRun, Validator } from '../validator.ts';

/** Calls that can take memory away. */
const UNMAPPING: ReadonlySet<string> = new Set(['munmap', 'mremap', 'mprotect', 'mmap', 'brk']);
/** In the ABI of late 2016 a descriptor is three addresses. */
const SHORT_DESCRIPTOR_BYTES = 24;

/** R2: the memory of a descriptor goes away while some thread's rseq_cs points to it. */
export const DESCRIPTOR_MEMORY: Validator = {
  rules: ['R2'],
  onCalled(run, call) {
    if (!UNMAPPING.has(call.name)) return;
    for (const owner of run.kernel.state.tasks) {
      if (owner.process !== call.task.process || owner.state.kind === 'dead') continue;
      const word = run.kernel.profile.rseq.armingWord(owner);
      const { memory } = run.kernel.rseqContext(owner);
      const pointer = word === undefined ? 0n : (memory.readU64(word) ?? 0n);
      if (pointer === 0n || memory.read(Number(pointer), descriptorBytes(run)) !== undefined)
        continue;
      report(run, call, owner.id, Number(pointer));
    }
  },
};

function descriptorBytes({ family }: ValidatedRun): number {
  return family === 'desnoyers-2016b' ? SHORT_DESCRIPTOR_BYTES : RSEQ_CS.size;
}

function report(run: ValidatedRun, call: Call, owner: number, descriptor: number): void {
  const { task, name, address, retired } = call;
  run.report({
    rule: 'R2',
    task: task.id,
    address,
    message: () =>
      `${name} by task ${task.id} at ${run.describe(task.id, address)} takes away the memory of ` +
      `the descriptor at ${formatAddress(descriptor)}, to which rseq_cs of task ${owner} points`,
    retired,
  });
}
