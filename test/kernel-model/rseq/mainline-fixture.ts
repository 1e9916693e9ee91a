import { ORIG_RSEQ_SIZE, RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { guestAddress } from '../../../kernel-model/hardware/address.ts';
import { packIds } from '../../../kernel-model/rseq/rewritten.ts';
import type { RseqContext } from '../../../kernel-model/rseq/variant.ts';
import type { VariantFixture } from './contract.ts';

const SIGNATURE = 0x5305_3053;
const DESCRIPTOR = 0x400;
const SECTION = { start: 0x800, bytes: 64, abort: 0xc00 };
const EXTENDED_BYTES = 64;

/** How the contract registers and arms a task of a mainline kernel. */
export const mainline: VariantFixture = {
  name: 'an area of 32 bytes',
  register(context, base) {
    registerWith(context, base, ORIG_RSEQ_SIZE);
  },
  arm({ memory, registers }, base) {
    const descriptor = base + DESCRIPTOR;
    const start = base + SECTION.start;
    memory.writeU64(descriptor + RSEQ_CS.startIp, BigInt(start));
    memory.writeU64(descriptor + RSEQ_CS.postCommitOffset, BigInt(SECTION.bytes));
    memory.writeU64(descriptor + RSEQ_CS.abortIp, BigInt(base + SECTION.abort));
    memory.writeU32(base + SECTION.abort - 4, SIGNATURE);
    memory.writeU64(base + RSEQ_AREA.rseqCs, BigInt(descriptor));
    registers.instructionPointer = start + 8;
    return { start, end: start + SECTION.bytes };
  },
  spoil({ memory }, base) {
    memory.writeU32(base + SECTION.abort - 4, 0);
  },
};

/** An area longer than 32 bytes, which is the second version of the ABI in 7.1. */
export const mainlineExtended: VariantFixture = {
  ...mainline,
  name: 'a longer area',
  register(context, base) {
    registerWith(context, base, EXTENDED_BYTES);
  },
};

/** Ids that the kernel wrote before, so that refusing the task shows nothing new. */
function registerWith({ task, memory }: RseqContext, base: number, lengthBytes: number): void {
  task.rseq = { address: guestAddress(base), lengthBytes, signature: SIGNATURE };
  task.rseqIds = packIds(task);
  for (const field of [RSEQ_AREA.cpuIdStart, RSEQ_AREA.cpuId]) {
    memory.writeU32(base + field, task.vcpu);
  }
}
