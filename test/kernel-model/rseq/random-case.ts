import fc from 'fast-check';
import { PAGE_SIZE, TASK_SIZE_WORD } from '../../../kernel-model/hardware/address.ts';
import { CODE, CODE_END, DATA, HOLE, NO_ACCESS, READ_ONLY, TOP } from './arena.ts';
import { DESCRIPTOR, type SectionCase, SIGNATURE } from './section-case.ts';
import { INTERESTING_ADDRESSES } from './section-cases.ts';

const WORD_MAX = 2n ** 64n - 1n;
const near = (low: bigint, high: bigint) => fc.bigInt({ min: low, max: high });

/** Any 64-bit word, mostly one that lies near something. */
const word = fc.oneof(
  { arbitrary: near(0n, WORD_MAX), weight: 1 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom(...INTERESTING_ADDRESSES), near(-40n, 40n))
      .map(([address, distance]) => BigInt.asUintN(64, address + distance)),
    weight: 3,
  },
);
const codeAddress = near(BigInt(CODE + 64), BigInt(CODE_END - 64));
const offset = fc.oneof({ arbitrary: near(0n, 4096n), weight: 3 }, { arbitrary: word, weight: 1 });
const flags = fc.oneof(
  { arbitrary: fc.constant(0), weight: 6 },
  { arbitrary: fc.nat(0xffff_ffff), weight: 1 },
);
const descriptorAddress = fc.constantFrom(
  DESCRIPTOR,
  DESCRIPTOR + 3,
  READ_ONLY + 8,
  READ_ONLY - 5,
  NO_ACCESS - 32,
  HOLE - 32,
  TOP + 64,
);

const draft = fc.record({
  registeredSignature: fc.constantFrom(SIGNATURE, 0, 0xffff_ffff),
  address: descriptorAddress,
  version: fc.oneof({ arbitrary: fc.constant(0), weight: 9 }, { arbitrary: flags, weight: 1 }),
  flags,
  areaFlags: flags,
  start: fc.oneof({ arbitrary: codeAddress, weight: 4 }, { arbitrary: word, weight: 1 }),
  offset,
  abort: fc.oneof({ arbitrary: codeAddress, weight: 6 }, { arbitrary: word, weight: 1 }),
  isSignatureRight: fc.integer({ min: 0, max: 9 }).map((draw) => draw > 0),
  position: codeAddress,
  /** Takes the position from within the section, if it lies in the arena's code. */
  distance: fc.option(near(0n, 4200n), { freq: 3 }),
});

/** A case whose effect is not known beforehand: the `effect` it carries means nothing. */
export const randomCase: fc.Arbitrary<SectionCase> = draft.map((drawn) => {
  const { address, version, start, abort, registeredSignature } = drawn;
  const signature = drawn.isSignatureRight ? registeredSignature : registeredSignature ^ 1;
  const wanted = drawn.distance === null ? drawn.position : start + drawn.distance;
  const position = isCode(wanted) ? wanted : drawn.position;
  const descriptor = { address, version, flags: drawn.flags, start, offset: drawn.offset, abort };
  return {
    name: JSON.stringify(
      { ...descriptor, position, areaFlags: drawn.areaFlags, signature },
      replaceBigint,
    ),
    registeredSignature,
    registeredBytes: 32,
    pointer: BigInt(address),
    descriptor,
    signature: canHoldSignature(abort) ? signature >>> 0 : undefined,
    areaFlags: drawn.areaFlags,
    position: awayFromSignature(position, abort),
    effect: 'clear',
  };
});

function replaceBigint(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
}

function isCode(address: bigint): boolean {
  return address >= BigInt(CODE) && address < BigInt(CODE_END - PAGE_SIZE);
}

/** Whether the word before `abort` lies where the judge may write without hurting the case. */
function canHoldSignature(abort: bigint): boolean {
  const isInCode = abort >= BigInt(CODE + 4) && abort <= BigInt(CODE_END);
  const isAtTop = abort >= BigInt(TOP + 128) && abort <= TASK_SIZE_WORD;
  const isInData = abort >= BigInt(DATA + 2048) && abort <= BigInt(READ_ONLY);
  return isInCode || isAtTop || isInData;
}

/** The bytes of the signature are no `nop`: what runs there is not this test's matter. */
function awayFromSignature(position: bigint, abort: bigint): bigint {
  return position >= abort - 8n && position < abort ? abort + 8n : position;
}
