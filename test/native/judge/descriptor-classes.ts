import { PAGE_SIZE, TASK_SIZE_WORD } from '../../../kernel-model/hardware/address.ts';
import {
  AFTER_HOLE,
  AFTER_NO_ACCESS,
  CODE,
  DATA,
  HOLE,
  NO_ACCESS,
  READ_ONLY,
  TOP,
} from '../../kernel-model/rseq/arena.ts';
import { DESCRIPTOR, type SectionInput, SIGNATURE } from '../../kernel-model/rseq/section-case.ts';
import type { Draw } from './draw.ts';

/** A section that nothing is wrong with, somewhere in the arena's code. */
export type PlainSection = Omit<SectionInput, 'position'> & {
  readonly descriptor: NonNullable<SectionInput['descriptor']>;
};

type Change = Partial<Omit<PlainSection, 'descriptor'>> & {
  readonly descriptor?: Partial<PlainSection['descriptor']>;
};

/** What sets the cases of one class apart from the plain ones; the rest is drawn. */
type DescriptorClass = (draw: Draw, plain: PlainSection) => Change;

const DESCRIPTOR_BYTES = 32;
const WORD_END = 2n ** 64n;
const CANONICAL_END = 2n ** 47n;

export function drawPlainSection(draw: Draw): PlainSection {
  const start = BigInt(CODE + draw.int(0x100, 0x7c0));
  const abort = BigInt(CODE + draw.int(0x900, 0x2f00));
  const offset = BigInt(draw.int(3, 80));
  return {
    registeredSignature: SIGNATURE,
    registeredBytes: 32,
    pointer: BigInt(DESCRIPTOR),
    descriptor: { address: DESCRIPTOR, version: 0, flags: 0, start, offset, abort },
    signature: SIGNATURE,
    areaFlags: 0,
  };
}

export function changeSection(plain: PlainSection, change: Change): PlainSection {
  const descriptor = { ...plain.descriptor, ...change.descriptor };
  return { ...plain, pointer: BigInt(descriptor.address), ...change, descriptor };
}

const at =
  (choose: (draw: Draw) => number): DescriptorClass =>
  (draw) => ({ descriptor: { address: choose(draw) } });
const pointer =
  (choose: (draw: Draw) => bigint | number): DescriptorClass =>
  (draw) => ({ pointer: BigInt(choose(draw)), signature: undefined });
const abort =
  (choose: (draw: Draw) => bigint | number, signature?: number): DescriptorClass =>
  (draw) => ({ descriptor: { abort: BigInt(choose(draw)) }, signature });
const bit = (draw: Draw) => (1 << draw.int(0, 31)) >>> 0;
const short = (draw: Draw) => draw.int(1, DESCRIPTOR_BYTES - 1);

/** Where the descriptor is, when all else is right. */
const PLACES: Readonly<Record<string, DescriptorClass>> = {
  valid: () => ({}),
  'valid, not aligned': at((draw) => DESCRIPTOR + draw.int(1, 31)),
  'valid, read-only': at((draw) => READ_ONLY + 64 + draw.int(0, 256)),
  'valid, before no access': at(() => NO_ACCESS - DESCRIPTOR_BYTES),
  'valid, before a hole': at(() => HOLE - DESCRIPTOR_BYTES),
  'valid, after a hole': at(() => AFTER_HOLE),
  'valid, after no access': at(() => AFTER_NO_ACCESS),
  'valid, across two pages': at((draw) => READ_ONLY - short(draw)),
  'valid, last of memory': at(() => TOP + PAGE_SIZE - DESCRIPTOR_BYTES),
};

/** How much was registered, and with which signature. */
const REGISTRATIONS: Readonly<Record<string, DescriptorClass>> = {
  'valid, longer area': (draw) => ({ registeredBytes: draw.int(33, 2 ** 20) }),
  'valid, signature 0': () => ({ registeredSignature: 0, signature: 0 }),
  'valid, signature -1': () => ({ registeredSignature: 0xffff_ffff, signature: 0xffff_ffff }),
  'valid, any signature': (draw) => {
    const word = draw.wordBut(0);
    return { registeredSignature: word, signature: word };
  },
  'wrong signature': (draw) => ({ signature: draw.wordBut(SIGNATURE) }),
  'wrong signature by a bit': (draw) => ({ signature: (SIGNATURE ^ bit(draw)) >>> 0 }),
  'wrong signature 0': () => ({ signature: 0 }),
  'wrong signature -1': () => ({ signature: 0xffff_ffff }),
  'signature of others': (draw) => ({ registeredSignature: draw.wordBut(SIGNATURE) }),
};

const FLAGS_AND_VERSION: Readonly<Record<string, DescriptorClass>> = {
  'version 1': () => ({ descriptor: { version: 1 } }),
  'another version': (draw) => ({ descriptor: { version: draw.wordBut(0) } }),
  'a known flag': (draw) => ({ descriptor: { flags: draw.pick([1, 2, 4]) } }),
  'all known flags': () => ({ descriptor: { flags: 7 } }),
  'an unknown flag': (draw) => ({ descriptor: { flags: (8 << draw.int(0, 28)) >>> 0 } }),
  'many flags': (draw) => ({ descriptor: { flags: draw.wordBut(0) } }),
  'a known flag in the area': (draw) => ({ areaFlags: draw.pick([1, 2, 4]) }),
  'an unknown flag in the area': (draw) => ({ areaFlags: (8 << draw.int(0, 28)) >>> 0 }),
  'many flags in the area': (draw) => ({ areaFlags: draw.wordBut(0) }),
  'flags in both': (draw) => ({ areaFlags: bit(draw), descriptor: { flags: bit(draw) } }),
  'flags and a wrong signature': (draw) => ({ signature: 1, descriptor: { flags: bit(draw) } }),
};

const ABORTS: Readonly<Record<string, DescriptorClass>> = {
  'abort_ip is start_ip': (_, { descriptor }) => ({ descriptor: { abort: descriptor.start } }),
  'abort_ip inside': (draw, { descriptor: { start, offset } }) => ({
    descriptor: { abort: draw.big(start, start + offset - 1n) },
  }),
  'abort_ip on the last byte': (_, { descriptor: { start, offset } }) => ({
    descriptor: { abort: start + offset - 1n },
  }),
  'abort_ip right behind': (_, { descriptor: { start, offset } }) => ({
    descriptor: { abort: start + offset },
  }),
  'abort_ip right before': (_, { descriptor }) => ({
    descriptor: { abort: descriptor.start - 1n },
  }),
  'abort_ip before': (draw, { descriptor }) => ({
    descriptor: { abort: descriptor.start - BigInt(draw.int(5, 0x80)) },
  }),
  'abort_ip 0': abort(() => 0),
  'abort_ip 1 to 3': abort((draw) => draw.int(1, 3)),
  'abort_ip low': abort((draw) => draw.int(4, 8192)),
  'abort_ip in a hole': abort((draw) => HOLE + draw.int(4, 4095)),
  'abort_ip without access': abort((draw) => NO_ACCESS + draw.int(4, 4095)),
  'signature half without access': abort((draw) => NO_ACCESS + draw.int(1, 3)),
  'signature half in a hole': abort((draw) => AFTER_HOLE + draw.int(1, 3)),
  'abort_ip at a hole': abort(() => HOLE, SIGNATURE),
  'abort_ip at no access': abort(() => NO_ACCESS, SIGNATURE),
  'abort_ip in data': abort((draw) => DATA + 0x800 + draw.int(0, 64), SIGNATURE),
  'abort_ip last of memory': abort(() => TASK_SIZE_WORD - 1n, SIGNATURE),
  'abort_ip is the limit': abort(() => TASK_SIZE_WORD, SIGNATURE),
  'abort_ip above the limit': abort((draw) => draw.big(TASK_SIZE_WORD, CANONICAL_END)),
  'abort_ip not canonical': abort((draw) => draw.big(CANONICAL_END, WORD_END - CANONICAL_END)),
  'abort_ip of the kernel': abort((draw) => draw.big(WORD_END - CANONICAL_END, WORD_END - 1n)),
};

const RANGES: Readonly<Record<string, DescriptorClass>> = {
  'offset 0': () => ({ descriptor: { offset: 0n } }),
  'offset 0 with flags': (draw) => ({ areaFlags: 1, descriptor: { offset: 0n, flags: bit(draw) } }),
  'offset 1': () => ({ descriptor: { offset: 1n } }),
  'a long section': (draw, { descriptor }) => ({
    descriptor: { offset: draw.big(0x100n, 0x1000n), abort: descriptor.start - 16n },
  }),
  'up to the end of memory': (_, { descriptor: { start } }) => ({
    descriptor: { offset: TASK_SIZE_WORD - 1n - start, abort: start - 16n },
  }),
  'start_ip 0': (draw, { descriptor }) => ({
    descriptor: { start: 0n, offset: descriptor.abort - draw.pick([0n, 8n, 64n]) },
  }),
  'start_ip 1': (_, { descriptor }) => ({
    descriptor: { start: 1n, offset: descriptor.abort - 1n },
  }),
  'start_ip 0 and short': () => ({ descriptor: { start: 0n } }),
  'start_ip is the limit': () => ({ descriptor: { start: TASK_SIZE_WORD } }),
  'start_ip above the limit': (draw) => ({
    descriptor: { start: draw.big(TASK_SIZE_WORD, WORD_END - 0x100n) },
  }),
  'the end is the limit': (_, { descriptor: { start } }) => ({
    descriptor: { offset: TASK_SIZE_WORD - start, abort: start - 16n },
  }),
  'the end is above the limit': (draw, { descriptor: { start } }) => ({
    descriptor: { offset: draw.big(TASK_SIZE_WORD - start, WORD_END - 1n - start) },
  }),
  'the sum wraps to 0': (_, { descriptor: { start } }) => ({
    descriptor: { offset: WORD_END - start },
  }),
  'the sum wraps': (draw, { descriptor: { start } }) => ({
    descriptor: { offset: draw.big(WORD_END - start, WORD_END - 1n) },
  }),
  'the sum wraps, abort_ip before': (draw, { descriptor: { start } }) => ({
    descriptor: { offset: WORD_END - BigInt(draw.int(0x40, 0xf0)), abort: start - 16n },
  }),
  'start_ip above, the sum wraps': (_, { descriptor: { start, offset } }) => ({
    descriptor: { start: WORD_END - 16n, offset: start + offset + 16n },
  }),
};

const POINTERS: Readonly<Record<string, DescriptorClass>> = {
  'rseq_cs 0': pointer(() => 0),
  'rseq_cs 0, flags': (draw) => ({ pointer: 0n, areaFlags: bit(draw) }),
  'rseq_cs low': pointer((draw) => draw.int(1, 4096)),
  'rseq_cs in a hole': pointer((draw) => HOLE + draw.int(0, 4095)),
  'rseq_cs without access': pointer((draw) => NO_ACCESS + draw.int(0, 4095)),
  'rseq_cs half before a hole': pointer((draw) => HOLE - short(draw)),
  'rseq_cs half before no access': pointer((draw) => NO_ACCESS - short(draw)),
  'rseq_cs half after a hole': pointer((draw) => AFTER_HOLE - short(draw)),
  'rseq_cs half after no access': pointer((draw) => AFTER_NO_ACCESS - short(draw)),
  'rseq_cs half before the limit': pointer((draw) => TOP + PAGE_SIZE - short(draw)),
  'rseq_cs is the limit': pointer(() => TASK_SIZE_WORD),
  'rseq_cs above the limit': pointer((draw) => draw.big(TASK_SIZE_WORD, CANONICAL_END)),
  'rseq_cs not canonical': pointer((draw) => draw.big(CANONICAL_END, WORD_END - CANONICAL_END)),
  'rseq_cs of the kernel': pointer((draw) => draw.big(WORD_END - CANONICAL_END, WORD_END - 1n)),
  'a descriptor of zeros': () => ({
    descriptor: { start: 0n, offset: 0n, abort: 0n },
    signature: undefined,
  }),
};

/** Every way in which a descriptor, and what it is judged by, can differ from a plain one. */
export const DESCRIPTOR_CLASSES: Readonly<Record<string, DescriptorClass>> = {
  ...PLACES,
  ...REGISTRATIONS,
  ...FLAGS_AND_VERSION,
  ...ABORTS,
  ...RANGES,
  ...POINTERS,
};
