import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { TASK_SIZE } from '../../../kernel-model/hardware/address.ts';
import { isInside, type SectionWords, toRegion } from '../../../kernel-model/rseq/descriptor.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import type { ArmedRegion, KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { isFullRun } from '../../support/matrix.ts';
import { ABORT, ArmedMachine, END, INSIDE, START } from './armed-task.ts';

const WORDS = 2n ** 64n;
const LIMIT = BigInt(TASK_SIZE);
const SOURCE = 0x1000;
const HANDLER = 0x2000n;

const near = (...words: readonly bigint[]) =>
  fc
    .tuple(fc.constantFrom(...words), fc.bigInt(-3n, 3n))
    .map(([word, distance]) => BigInt.asUintN(64, word + distance));
const anyWord = fc.bigInt({ min: 0n, max: WORDS - 1n });
const word = fc.oneof(anyWord, near(0n, 0x5000n, LIMIT, 2n ** 63n, WORDS - 0x5000n));

function covers(region: ArmedRegion | undefined, ip: bigint): boolean {
  return region !== undefined && ip >= BigInt(region.start ?? 0) && ip < BigInt(region.end);
}

describe('the region of a section', () => {
  test('has all user addresses inside, and others only if it wraps around', () => {
    const property = fc.property(word, word, word, (startIp, postCommitOffset, drawn) => {
      const words: SectionWords = { startIp, postCommitOffset, abortIp: HANDLER };
      const region = toRegion(SOURCE, words, 'loose');
      const isSplit = startIp < LIMIT && startIp + postCommitOffset > WORDS;
      const ips = [0n, 1n, drawn, startIp - 1n, startIp, startIp + postCommitOffset, LIMIT - 1n];
      for (const ip of [...ips, startIp + postCommitOffset - 1n].map((each) => each % WORDS)) {
        if (ip < 0n || ip >= LIMIT) continue;
        if (isSplit) expect(covers(region, ip)).toBe(true);
        else expect(covers(region, ip)).toBe(isInside(words, ip));
      }
    });
    fc.assert(property, { numRuns: isFullRun ? 100_000 : 3000, seed: 1 });
  });

  test('is the same for strict kernels where they take it', () => {
    const property = fc.property(word, word, word, (startIp, postCommitOffset, abortIp) => {
      const words: SectionWords = { startIp, postCommitOffset, abortIp };
      const strict = toRegion(SOURCE, words, 'strict');
      const isTaken = startIp + postCommitOffset < LIMIT && abortIp < LIMIT;
      expect(strict !== undefined).toBe(isTaken);
      if (strict !== undefined) expect(strict).toEqual(toRegion(SOURCE, words, 'loose'));
    });
    fc.assert(property, { numRuns: isFullRun ? 100_000 : 3000, seed: 1 });
  });
});

type Words = Partial<Record<'startIp' | 'postCommitOffset', bigint>>;
/** Sections around INSIDE that no kernel up to 6.18 takes. */
const ODD: readonly (readonly [what: string, words: Words])[] = [
  ['ends at the limit', { postCommitOffset: LIMIT - BigInt(START) }],
  ['ends beyond the limit', { postCommitOffset: 2n ** 62n }],
  ['ends with the last word', { postCommitOffset: WORDS - BigInt(START) }],
  ['wraps to below its start', { postCommitOffset: WORDS - 1n }],
  ['begins beyond the limit', { startIp: 2n ** 63n, postCommitOffset: 2n ** 63n + BigInt(END) }],
];

/** A registered task inside an odd section, which is armed. */
function armOdd(kernel: string, words: Words): ArmedMachine {
  const machine = new ArmedMachine({ vcpus: 1, profile: profileOf(kernel) });
  machine.arm(1);
  for (const [name, value] of Object.entries(words)) {
    const field = name === 'startIp' ? RSEQ_CS.startIp : RSEQ_CS.postCommitOffset;
    machine.memory.writeU64(machine.region.source + field, value);
  }
  return machine;
}

function profileOf(kernel: string): KernelProfile {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return profile;
}

function armedIn(machine: ArmedMachine): ArmedRegion | undefined {
  const { kernel } = machine;
  return kernel.profile.rseq.armedRegion(kernel.rseqContext(machine.task(1)));
}

describe.each(['6.19', '7.0', '7.1'])('a section that %s does not look at closely', (kernel) => {
  test.each(ODD)('and that %s is armed, and aborts', (_, words) => {
    const machine = armOdd(kernel, words);
    const region = armedIn(machine);
    expect(covers(region, BigInt(INSIDE))).toBe(true);
    expect(region).toMatchObject({ source: machine.region.source, abort: ABORT });
    machine.kernel.switchTo(0, 1);
    expect(machine.positionOf(1)).toBe(ABORT);
  });
});

describe.each(['5.5', '6.18', '6.19+debug'])('a section that %s refuses', (kernel) => {
  test.each(ODD)('and that %s is not armed, and kills', (_, words) => {
    const machine = armOdd(kernel, words);
    expect(armedIn(machine)).toBeUndefined();
    machine.kernel.switchTo(0, 1);
    expect(machine.task(1).state.kind).toBe('dead');
  });
});

test('from 6.19 on version and flags may lie where nothing can be read', () => {
  const machine = new ArmedMachine({ vcpus: 1, profile: profileOf('6.19') });
  machine.arm(1);
  const { memory, region } = machine;
  const before = machine.region.source & ~0xfff;
  const straddling = before - RSEQ_CS.startIp;
  expect(memory.readU64(straddling)).toBeUndefined();
  memory.writeU64(straddling + RSEQ_CS.startIp, BigInt(region.start));
  memory.writeU64(straddling + RSEQ_CS.postCommitOffset, BigInt(region.end - region.start));
  memory.writeU64(straddling + RSEQ_CS.abortIp, BigInt(region.abort));
  memory.writeU64(machine.areaOf(1) + RSEQ_AREA.rseqCs, BigInt(straddling));
  expect(armedIn(machine)).toEqual({ ...region, source: straddling });
  machine.kernel.switchTo(0, 1);
  expect(machine.positionOf(1)).toBe(ABORT);
});
