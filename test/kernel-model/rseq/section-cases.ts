import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import {
  AFTER_HOLE,
  AFTER_NO_ACCESS,
  CODE,
  CODE_END,
  DATA,
  HOLE,
  NO_ACCESS,
  READ_ONLY,
  TASK_SIZE_END,
  TOP,
} from './arena.ts';
import { DESCRIPTOR, type Descriptor, type SectionCase, SIGNATURE } from './section-case.ts';

const START = BigInt(CODE + 0x100);
const OFFSET = 32n;
const END = START + OFFSET;
const ABORT = BigInt(CODE + 0x800);
const INSIDE = [START, START + 1n, START + 16n, END - 1n] as const;
const OUTSIDE = [
  START - 1n,
  END,
  END + 1n,
  ABORT,
  BigInt(CODE),
  BigInt(CODE_END - 16),
  BigInt(TOP),
] as const;
const DESCRIPTOR_BYTES = 32;

const VALID: Descriptor = {
  address: DESCRIPTOR,
  version: 0,
  flags: 0,
  start: START,
  offset: OFFSET,
  abort: ABORT,
};

/** What a case has that the ordinary one has not. */
type Difference = Partial<Omit<SectionCase, 'descriptor' | 'name' | 'position' | 'effect'>> & {
  readonly descriptor?: Partial<Descriptor>;
};

/** The effects inside and outside of the section. */
interface Effects {
  readonly inside: SectionCase['effect'];
  readonly outside: SectionCase['effect'];
}

const ABORTS: Effects = { inside: 'abort', outside: 'clear' };
const FATAL: Effects = { inside: 'fatal', outside: 'fatal' };
const FATAL_INSIDE: Effects = { inside: 'fatal', outside: 'clear' };

function makeCase(
  name: string,
  difference: Difference,
  position: bigint,
  effect: SectionCase['effect'],
): SectionCase {
  const descriptor = { ...VALID, ...difference.descriptor };
  return {
    registeredSignature: SIGNATURE,
    registeredBytes: 32,
    pointer: BigInt(descriptor.address),
    signature: difference.registeredSignature ?? SIGNATURE,
    areaFlags: 0,
    ...difference,
    name: `${name}, at 0x${position.toString(16)}`,
    descriptor,
    position,
    effect,
  };
}

/** A case for each position in and out of the ordinary section. */
function everywhere(name: string, difference: Difference, effects: Effects): SectionCase[] {
  return [
    ...INSIDE.map((at) => makeCase(name, difference, at, effects.inside)),
    ...OUTSIDE.map((at) => makeCase(name, difference, at, effects.outside)),
  ];
}

/** A case inside, and one outside. */
function inAndOut(name: string, difference: Difference, effects: Effects): SectionCase[] {
  return [
    makeCase(name, difference, START + 16n, effects.inside),
    makeCase(name, difference, BigInt(CODE), effects.outside),
  ];
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

const FLAG_WORDS = [1, 2, 4, 8, 16, 32, 1 << 16, 0x8000_0000, 0xffff_ffff] as const;

function validCases(): SectionCase[] {
  const addresses = Array.from({ length: DESCRIPTOR_BYTES }, (_, i) => DESCRIPTOR + i);
  const places = [
    ['on a read-only page', READ_ONLY + 64],
    ['before a page without access', NO_ACCESS - DESCRIPTOR_BYTES],
    ['before a hole', HOLE - DESCRIPTOR_BYTES],
    ['after a hole', AFTER_HOLE],
    ['across two pages', READ_ONLY - 7],
    ['as the last bytes of user memory', TOP + PAGE_SIZE - DESCRIPTOR_BYTES],
  ] as const;
  return [
    ...everywhere('valid', {}, ABORTS),
    ...[33, 36, 64, 2 ** 20].flatMap((registeredBytes) =>
      inAndOut(`registered with ${registeredBytes} bytes`, { registeredBytes }, ABORTS),
    ),
    ...addresses.flatMap((address) =>
      inAndOut(`a descriptor at ${hex(address)}`, { descriptor: { address } }, ABORTS),
    ),
    ...places.flatMap(([place, address]) =>
      inAndOut(`a descriptor ${place}`, { descriptor: { address } }, ABORTS),
    ),
    ...everywhere('rseq_cs zero', { pointer: 0n }, { inside: 'clear', outside: 'clear' }),
  ];
}

function signatureCases(): SectionCase[] {
  const wrong = [
    0,
    0xffff_ffff,
    SIGNATURE - 1,
    SIGNATURE + 1,
    0x5330_5330,
    SIGNATURE ^ 0x8000_0000,
  ];
  const registered = [0, 1, 0xffff_ffff, 0x8000_0000, 0x9090_9090, 0x1234_5678];
  return [
    ...wrong.flatMap((signature) =>
      inAndOut(`the signature word ${hex(signature >>> 0)}`, { signature: signature >>> 0 }, FATAL),
    ),
    ...registered.flatMap((registeredSignature) =>
      inAndOut(`the signature ${hex(registeredSignature)}`, { registeredSignature }, ABORTS),
    ),
    ...registered.flatMap((registeredSignature) =>
      inAndOut(
        `another signature than ${hex(registeredSignature)}`,
        { registeredSignature, signature: SIGNATURE },
        FATAL,
      ),
    ),
  ];
}

function flagAndVersionCases(): SectionCase[] {
  return [
    ...[1, 2, 0x8000_0000, 0xffff_ffff].flatMap((version) =>
      everywhere(`version ${version}`, { descriptor: { version } }, FATAL),
    ),
    ...FLAG_WORDS.flatMap((flags) =>
      inAndOut(`descriptor flags ${hex(flags >>> 0)}`, { descriptor: { flags } }, FATAL_INSIDE),
    ),
    ...FLAG_WORDS.flatMap((areaFlags) =>
      inAndOut(`area flags ${hex(areaFlags >>> 0)}`, { areaFlags: areaFlags >>> 0 }, FATAL_INSIDE),
    ),
  ];
}

function abortAddressCases(): SectionCase[] {
  const abort = (name: string, at: bigint, effects: Effects, signature?: number) =>
    inAndOut(name, { descriptor: { abort: at }, signature }, effects);
  const fetch = (fault: 'abort-maperr' | 'abort-accerr'): Effects => {
    return { inside: fault, outside: 'clear' };
  };
  const beyond = [0n, 1n, 0x800_0000_0000n, 0x1000n, 2n ** 47n - TASK_SIZE_END].map(
    (past) => TASK_SIZE_END + past,
  );
  const wild = [0xffff_ffff_8000_0000n, 0xffff_ffff_ff60_0000n, 2n ** 64n - 1n, 2n ** 63n];
  return [
    ...[START, START + 1n, END - 1n].flatMap((at) =>
      abort(`abort_ip ${hex(at)} inside`, at, FATAL, SIGNATURE),
    ),
    ...[END, START - 1n, START - 4n, END + 1n].flatMap((at) =>
      abort(`abort_ip ${hex(at)} beside`, at, ABORTS, SIGNATURE),
    ),
    ...[0n, 1n, 2n, 3n, 4n, 5n].flatMap((at) => abort(`abort_ip ${at}`, at, FATAL)),
    ...[HOLE + 64, NO_ACCESS + 64].flatMap((at) =>
      abort(`abort_ip ${hex(at)} out of reach`, BigInt(at), FATAL),
    ),
    ...[1, 2, 3].flatMap((bytes) => [
      ...abort(
        `${bytes} bytes of signature before no access`,
        BigInt(NO_ACCESS + 4 - bytes),
        FATAL,
      ),
      ...abort(`${bytes} bytes of signature after a hole`, BigInt(AFTER_HOLE + bytes), FATAL),
    ]),
    ...[...beyond, ...wild].flatMap((at) => abort(`abort_ip ${hex(at)}`, at, FATAL)),
    ...abort('abort_ip of no access', BigInt(NO_ACCESS), fetch('abort-accerr'), SIGNATURE),
    ...abort('abort_ip in a hole', BigInt(HOLE), fetch('abort-maperr'), SIGNATURE),
    ...abort('abort_ip in data', BigInt(AFTER_NO_ACCESS + 64), fetch('abort-accerr'), SIGNATURE),
    ...abort('abort_ip at the end of memory', TASK_SIZE_END - 1n, ABORTS, SIGNATURE),
    ...abort('abort_ip behind the end of memory', TASK_SIZE_END, FATAL, SIGNATURE),
  ];
}

function rangeCases(): SectionCase[] {
  const range = (
    name: string,
    [start, offset, abort]: readonly [bigint, bigint, bigint],
    position: bigint,
    effect: SectionCase['effect'],
  ) => makeCase(name, { descriptor: { start, offset, abort } }, position, effect);
  const far = BigInt(CODE + 0x20);
  const bad: readonly (readonly [name: string, start: bigint, offset: bigint])[] = [
    ['start_ip is TASK_SIZE', TASK_SIZE_END, 1n],
    ['start_ip is not canonical', 2n ** 63n, 16n],
    ['start_ip is the last address', 2n ** 64n - 1n, 0n],
    ['the end is TASK_SIZE', START, TASK_SIZE_END - START],
    ['the end is above TASK_SIZE', START, 2n ** 62n],
    ['the end is the last address', START, 2n ** 64n - 1n - START],
    ['the sum wraps to zero', START, 2n ** 64n - START],
    ['the sum wraps to below start_ip', START, 2n ** 64n - 1n],
    ['start_ip is TASK_SIZE, the sum wraps', TASK_SIZE_END, 2n ** 64n - TASK_SIZE_END + START],
  ];
  const low = (start: bigint): readonly [bigint, bigint, bigint] => [start, ABORT - start, ABORT];
  return [
    ...bad.flatMap(([name, start, offset]) =>
      [far, START + 16n].map((at) => range(name, [start, offset, far + 8n], at, 'fatal')),
    ),
    ...[0n, 1n].flatMap((start) => [
      range(`start_ip ${start}, the end abort_ip`, low(start), START, 'abort'),
      range(`start_ip ${start}, the end abort_ip`, low(start), ABORT, 'clear'),
      range(`start_ip ${start}, 16 bytes`, [start, 16n, ABORT], START, 'clear'),
    ]),
    ...[START - 1n, START, START + 1n].map((at) =>
      range('offset 0', [START, 0n, ABORT], at, 'clear'),
    ),
    range('offset 0, abort_ip is start_ip', [START, 0n, START], START, 'clear'),
    range('offset 1', [START, 1n, ABORT], START, 'abort'),
    range('offset 1', [START, 1n, ABORT], START + 1n, 'clear'),
    range(
      'the end is the last address below',
      [ABORT, TASK_SIZE_END - 1n - ABORT, START],
      ABORT + 9n,
      'abort',
    ),
    range(
      'the end is the last address below',
      [ABORT, TASK_SIZE_END - 1n - ABORT, START],
      ABORT - 1n,
      'clear',
    ),
  ];
}

function pointerCases(): SectionCase[] {
  const pointer = (word: bigint) =>
    inAndOut(`rseq_cs ${hex(word)}`, { pointer: word }, FATAL).map(withoutDescriptor);
  const straddling = Array.from({ length: DESCRIPTOR_BYTES - 1 }, (_, i) => i + 1);
  const unreadable = [
    HOLE,
    HOLE + 64,
    NO_ACCESS,
    NO_ACCESS + 64,
    ...straddling.map((bytes) => NO_ACCESS - bytes),
    ...straddling.map((bytes) => HOLE - bytes),
    ...straddling.map((bytes) => AFTER_HOLE - bytes),
    ...straddling.map((bytes) => AFTER_NO_ACCESS - bytes),
    ...straddling.map((bytes) => TOP + PAGE_SIZE - bytes),
  ];
  const low = [1, 2, 8, 31, 32, 33, 4095, 4096];
  const wild = [
    TASK_SIZE_END,
    TASK_SIZE_END + 1n,
    2n ** 47n,
    2n ** 48n,
    2n ** 63n,
    0xffff_8000_0000_0000n,
    0xffff_ffff_8000_0000n,
    2n ** 64n - 32n,
    2n ** 64n - 1n,
  ];
  return [...[...unreadable, ...low].map(BigInt), ...wild].flatMap(pointer);
}

function withoutDescriptor(one: SectionCase): SectionCase {
  return { ...one, descriptor: undefined, signature: undefined };
}

/**
 * Every row of the matrix in docs/abi/linux-6.18.md, as cases in and out of the section. A `DATA` page
 * holds area and descriptor unless a case says otherwise.
 */
export const SECTION_CASES: ReadonlyMap<string, readonly SectionCase[]> = new Map([
  ['a valid descriptor', validCases()],
  ['the signature', signatureCases()],
  ['flags and version', flagAndVersionCases()],
  ['abort_ip', abortAddressCases()],
  ['start_ip and post_commit_offset', rangeCases()],
  ['rseq_cs', pointerCases()],
]);

/** Where random cases take their addresses from. */
export const INTERESTING_ADDRESSES: readonly bigint[] = [
  ...[CODE, CODE_END, DATA, READ_ONLY, NO_ACCESS, AFTER_NO_ACCESS, HOLE, AFTER_HOLE, TOP].map(
    BigInt,
  ),
  ...[0n, START, END, ABORT, TASK_SIZE_END, 2n ** 47n, 2n ** 63n],
];
