import { RSEQ_AREA } from '../../../../kernel-model/abi/rseq.ts';
import type { RseqRegistration } from '../../../../kernel-model/rseq/variant.ts';
import type { ValidatedRun, Validator } from '../validator.ts';

/** The length of registrations that leave what overlaps cpu_id_start to the program. */
const LEGACY_BYTES = 32;

/** Fields as ranges from the start of the area. */
interface Field {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const CPU_ID_START: Field = { name: 'cpu_id_start', start: 0, end: RSEQ_AREA.cpuId };
const CPU_ID: Field = { name: 'cpu_id', start: RSEQ_AREA.cpuId, end: RSEQ_AREA.rseqCs };
const NODE_ID: Field = { name: 'node_id', start: RSEQ_AREA.nodeId, end: RSEQ_AREA.mmCid };
const MM_CID: Field = { name: 'mm_cid', start: RSEQ_AREA.mmCid, end: RSEQ_AREA.end };

/** R25: stores by the program to what the kernel keeps in a registered area. */
export const IDS_NOT_WRITTEN: Validator = {
  rules: ['R25'],
  onCalled(run, { task, name }) {
    if (name === 'rseq' && task.rseq !== undefined) {
      run.watchIds(task.rseq.address);
    }
  },
  onStore(run, { task, section, address, sizeBytes, instruction, retired }) {
    if (!run.mayHoldIds(address)) return;
    for (const owner of run.kernel.state.tasks) {
      if (owner.rseq === undefined || owner.state.kind === 'dead') continue;
      if (owner.process !== task.process) continue;
      const at = address - owner.rseq.address;
      if (at >= RSEQ_AREA.end || at + sizeBytes <= 0) continue;
      const field = fieldsOf(run, owner.rseq).find(
        ({ start, end }) => at < end && at + sizeBytes > start,
      );
      if (field === undefined) continue;
      run.report({
        rule: 'R25',
        task: task.id,
        section: section?.region,
        address: instruction,
        message: () =>
          `task ${task.id} writes ${field.name} of task ${owner.id} at ` +
          `${run.describe(task.id, instruction)}`,
        retired,
      });
    }
  },
};

/** The fields that the kernel has: node_id and mm_cid since 6.3, which announces its area. */
function fieldsOf(run: ValidatedRun, { lengthBytes }: RseqRegistration): readonly Field[] {
  const ids = run.kernel.profile.rseq.auxv === undefined ? [CPU_ID] : [CPU_ID, NODE_ID, MM_CID];
  return lengthBytes > LEGACY_BYTES ? [CPU_ID_START, ...ids] : ids;
}
