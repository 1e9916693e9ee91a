import { RSEQ_CS } from '../../../../kernel-model/abi/rseq.ts';
import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { Task } from '../../../../kernel-model/task/task.ts';
import type { Call, ValidatedRun, Validator } from '../validator.ts';

/** Calls that can take memory away. */
const UNMAPPING: ReadonlySet<string> = new Set(['munmap', 'mremap', 'mprotect', 'mmap', 'brk']);
/** In the ABI of late 2016 a descriptor is three addresses. */
const SHORT_DESCRIPTOR_BYTES = 24;

/**
 * R2: the memory of a descriptor goes away while some thread's rseq_cs points to it, or a thread
 * registers an area that points to memory which is gone.
 */
export const DESCRIPTOR_MEMORY: Validator = {
  rules: ['R2'],
  onCalled(run, call) {
    const { task, name, result } = call;
    if (name === 'rseq') {
      const isRegistered = result.kind === 'return' && result.value === 0n;
      if (isRegistered && hasLostDescriptor(run, task)) report(run, call, task);
      return;
    }
    if (!UNMAPPING.has(name)) return;
    for (const owner of run.kernel.state.tasks) {
      if (owner.process !== task.process || owner.state.kind === 'dead') continue;
      if (hasLostDescriptor(run, owner)) report(run, call, owner);
    }
  },
};

/** Where rseq_cs points to, 0 for nowhere. */
function descriptorOf(run: ValidatedRun, owner: Task): bigint {
  const word = run.kernel.profile.rseq.armingWord(owner);
  const { memory } = run.kernel.rseqContext(owner);
  return word === undefined ? 0n : (memory.readU64(word) ?? 0n);
}

function hasLostDescriptor(run: ValidatedRun, owner: Task): boolean {
  const descriptor = descriptorOf(run, owner);
  if (owner.rseq === undefined || descriptor === 0n) return false;
  const { memory } = run.kernel.rseqContext(owner);
  return memory.read(Number(descriptor), descriptorBytes(run)) === undefined;
}

function descriptorBytes({ family }: ValidatedRun): number {
  return family === 'desnoyers-2016b' ? SHORT_DESCRIPTOR_BYTES : RSEQ_CS.size;
}

function report(run: ValidatedRun, call: Call, owner: Task): void {
  const { task, name, address, retired } = call;
  const where = run.describe(task.id, address);
  const descriptor = formatAddress(Number(descriptorOf(run, owner)));
  run.report({
    rule: 'R2',
    task: task.id,
    address,
    message: () =>
      name === 'rseq'
        ? `task ${task.id} registers at ${where} an area whose rseq_cs points to ${descriptor}, ` +
          `where there is no descriptor`
        : `${name} by task ${task.id} at ${where} takes away the memory of ` +
          `the descriptor at ${descriptor}, to which rseq_cs of task ${owner.id} points`,
    retired,
  });
}
