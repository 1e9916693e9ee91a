import { RSEQ_AREA, RSEQ_CS } from '../../../../kernel-model/abi/rseq.ts';
import { guestAddress } from '../../../../kernel-model/hardware/address.ts';
import type { Scheme } from '../../../../kernel-model/rseq/scheme.ts';
import type { RseqContext } from '../../../../kernel-model/rseq/variant.ts';
import type { VariantFixture } from '../contract.ts';

const SIGNATURE = 0x5305_3053;
const DESCRIPTOR = 0x400;
const COUNT = 0x600;
const SECTION = { start: 0x800, end: 0x840, abort: 0xc00 };

/** What a fixture's section must look like to the rest of the testbed. */
function enter({ registers }: RseqContext, base: number) {
  registers.instructionPointer = base + SECTION.start + 8;
  return { start: base + SECTION.start, end: base + SECTION.end };
}

function registering(lengthBytes: number, signature = 0): VariantFixture['register'] {
  return ({ task }, base) => {
    task.rseq = { address: guestAddress(base), lengthBytes, signature };
  };
}

const NO_MEMBARRIER = ['onMembarrier'] as const;

const turnerV1: VariantFixture = {
  armedBy: 'standing range',
  ignores: NO_MEMBARRIER,
  register({ task, process }, base) {
    task.rseq = { address: guestAddress(base), lengthBytes: 4, signature: 0 };
    const [start, end, abort] = [base + SECTION.start, base + SECTION.end, base + SECTION.abort];
    process.rseq = { ...process.rseq, ranges: [{ source: start, start, end, abort }] };
  },
  arm: enter,
};

/** The 16 bytes {u32, u32, u64 post-commit address} with the failure address in rcx. */
const postCommitWord: VariantFixture = {
  ignores: NO_MEMBARRIER,
  register: registering(16),
  arm(context, base) {
    context.registers.write('rcx', BigInt(base + SECTION.abort));
    context.registers.write('rdx', 0xffff_ffff_ffff_ffffn);
    context.memory.writeU64(base + 8, BigInt(base + SECTION.end));
    return enter(context, base);
  },
};

const lutomirski: VariantFixture = {
  ignores: NO_MEMBARRIER,
  register: registering(40),
  arm(context, base) {
    const { memory, task } = context;
    memory.writeU64(base, BigInt(base + SECTION.end));
    memory.writeU64(base + 8, BigInt(base + SECTION.abort));
    memory.writeU32(base + 20, task.vcpu);
    memory.writeU64(base + 24, BigInt(base + COUNT));
    memory.writeU64(base + 32, 7n);
    memory.writeU64(base + COUNT, 8n);
    return enter(context, base);
  },
  spoil({ memory, task }, base) {
    memory.writeU32(base + 16, task.vcpu);
    memory.writeU64(base + 24, 0n);
  },
};

const descriptor2016: VariantFixture = {
  ignores: NO_MEMBARRIER,
  register: registering(16),
  arm(context, base) {
    const { memory } = context;
    memory.writeU64(base + DESCRIPTOR, BigInt(base + SECTION.start));
    memory.writeU64(base + DESCRIPTOR + 8, BigInt(base + SECTION.end));
    memory.writeU64(base + DESCRIPTOR + 16, BigInt(base + SECTION.abort));
    memory.writeU64(base + 8, BigInt(base + DESCRIPTOR));
    return enter(context, base);
  },
};

const rfc2017: VariantFixture = {
  ignores: NO_MEMBARRIER,
  register: registering(32, SIGNATURE),
  arm(context, base) {
    const { memory } = context;
    const descriptor = base + DESCRIPTOR;
    memory.writeU64(descriptor + RSEQ_CS.startIp, BigInt(base + SECTION.start));
    memory.writeU64(descriptor + RSEQ_CS.postCommitOffset, BigInt(SECTION.end - SECTION.start));
    memory.writeU64(descriptor + RSEQ_CS.abortIp, BigInt(base + SECTION.abort));
    memory.writeU32(base + SECTION.abort - 4, SIGNATURE);
    memory.writeU64(base + RSEQ_AREA.rseqCs, BigInt(descriptor));
    return enter(context, base);
  },
};

/** A CPU number and nothing else: no code is armed, only migrations are told. */
const cpuNumber: VariantFixture = {
  armedBy: 'nothing',
  ignores: ['onSwitchOut', 'onMembarrier'],
  register: registering(64),
  arm: () => undefined,
};

export const HISTORICAL_FIXTURES = {
  'turner-v1': turnerV1,
  'turner-v2': postCommitWord,
  'getcpu-cache': cpuNumber,
  'thread-local-abi': cpuNumber,
  'lutomirski-2016': lutomirski,
  'desnoyers-2016a': postCommitWord,
  'desnoyers-2016b': descriptor2016,
  'rfc-2017': rfc2017,
} as const satisfies Record<Exclude<Scheme, 'mainline'>, VariantFixture>;
