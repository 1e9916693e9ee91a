import { RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import type { ObjectMemory } from '../../loader/object/object-memory.ts';
import type { AbiFamily } from '../rules/rule.ts';

/** What a descriptor says, nothing checked. */
export interface DescriptorWords {
  readonly version: number;
  readonly flags: number;
  readonly startIp: bigint;
  readonly postCommitOffset: bigint;
  readonly abortIp: bigint;
}

/** How a family of ABIs lays a descriptor out. */
export interface DescriptorLayout {
  readonly sizeBytes: number;
  readonly alignmentBytes: number;
  /** Whether a signature comes before the abort handler. */
  readonly signed: boolean;
  /** `undefined` where the file has no memory. */
  read(memory: ObjectMemory, address: number): DescriptorWords | undefined;
}

/** struct rseq_cs (include/uapi/linux/rseq.h). */
const RSEQ_CS_LAYOUT: DescriptorLayout = {
  sizeBytes: RSEQ_CS.size,
  alignmentBytes: RSEQ_CS.size,
  signed: true,
  read(memory, address) {
    const view = viewOf(memory, address, RSEQ_CS.size);
    if (view === undefined) return undefined;
    return {
      version: view.getUint32(RSEQ_CS.version, true),
      flags: view.getUint32(RSEQ_CS.flags, true),
      startIp: view.getBigUint64(RSEQ_CS.startIp, true),
      postCommitOffset: view.getBigUint64(RSEQ_CS.postCommitOffset, true),
      abortIp: view.getBigUint64(RSEQ_CS.abortIp, true),
    };
  },
};

/** struct rseq_cs of July 2016: three addresses, {start_ip, post_commit_ip, abort_ip}. */
const THREE_ADDRESSES: DescriptorLayout = {
  sizeBytes: 24,
  alignmentBytes: 8,
  signed: false,
  read(memory, address) {
    const view = viewOf(memory, address, 24);
    if (view === undefined) return undefined;
    const startIp = view.getBigUint64(0, true);
    const postCommitIp = view.getBigUint64(8, true);
    return {
      version: 0,
      flags: 0,
      startIp,
      postCommitOffset: BigInt.asUintN(64, postCommitIp - startIp),
      abortIp: view.getBigUint64(16, true),
    };
  },
};

export function layoutOf(family: AbiFamily): DescriptorLayout {
  return family === 'desnoyers-2016b' ? THREE_ADDRESSES : RSEQ_CS_LAYOUT;
}

function viewOf(memory: ObjectMemory, address: number, length: number): DataView | undefined {
  const bytes = memory.bytesAt(address, length);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, length);
}
