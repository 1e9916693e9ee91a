import { RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { SI_CODE } from '../../../kernel-model/abi/signal.ts';
import { CODE_END, DATA, pristineWord, TOP } from './arena.ts';
import { hex, type Step, SYS_RSEQ } from './script.ts';

/** The area of most cases, and its registration. */
export const AREA = DATA + 0x100;
export const DESCRIPTOR = DATA + 0x400;
export const SIGNATURE = 0x5305_3053;
const UNREGISTER = 1;
const POISON = 0xdead_beef;
/** In no section, and no signature. */
const OUTSIDE = BigInt(CODE_END - 32);

/** What the kernel does to a task that it resumes. */
export type Effect =
  /** It continues at the abort handler, with rseq_cs zero. */
  | 'abort'
  /** The same, and the abort handler is not mapped, or may not be executed. */
  | 'abort-maperr'
  | 'abort-accerr'
  /** It continues where it was, with rseq_cs zero. */
  | 'clear'
  /** SIGSEGV (SI_KERNEL); neither its position nor the area changes. */
  | 'fatal';

export interface Descriptor {
  readonly address: number;
  readonly version: number;
  readonly flags: number;
  readonly start: bigint;
  readonly offset: bigint;
  readonly abort: bigint;
}

/** One descriptor, one position, and everything else that the kernel looks at. */
export interface SectionInput {
  readonly registeredSignature: number;
  readonly registeredBytes: number;
  /** Stored to rseq_cs. */
  readonly pointer: bigint;
  readonly descriptor: Descriptor | undefined;
  /** The word stored before the abort handler, where there is memory; `undefined` stores none. */
  readonly signature: number | undefined;
  readonly areaFlags: number;
  /** The task's next instruction. */
  readonly position: bigint;
}

/** An input, and what the kernel must make of it. */
export interface SectionCase extends SectionInput {
  readonly name: string;
  readonly effect: Effect;
}

/** What makes the kernel look at the section; all of them take the task off its CPU. */
export const SECTION_CAUSES = {
  reschedule: (address) => [{ kind: 'resume', address }],
  migration: (address) => [
    { kind: 'move', cpu: 1 },
    { kind: 'resume', address },
  ],
  signal: (address) => [{ kind: 'deliver', address }],
  'signal and migration': (address) => [
    { kind: 'move', cpu: 1 },
    { kind: 'deliver', address },
  ],
  'reschedule outside before': (address) => [
    { kind: 'resume', address: OUTSIDE },
    { kind: 'resume', address },
  ],
  'reschedule twice': (address) => [
    { kind: 'resume', address },
    { kind: 'resume', address },
  ],
} as const satisfies Readonly<Record<string, (position: bigint) => readonly Step[]>>;

export type SectionCause = keyof typeof SECTION_CAUSES;

/** The steps of a case, which leave memory and registration as they found them. */
export function toSteps(one: SectionInput, cause: SectionCause = 'reschedule'): Step[] {
  const { descriptor, signature } = one;
  const cell = AREA + RSEQ_AREA.rseqCs;
  const signatureAt = Number((descriptor?.abort ?? 0n) - 4n);
  const hasSignature = descriptor !== undefined && signature !== undefined;
  const registration = [AREA, one.registeredBytes] as const;
  return [
    call([...registration, 0, one.registeredSignature]),
    ...(descriptor === undefined ? [] : describe(descriptor)),
    ...(hasSignature ? [poke4(signatureAt, signature)] : []),
    ...[RSEQ_AREA.cpuIdStart, RSEQ_AREA.cpuId, RSEQ_AREA.nodeId, RSEQ_AREA.mmCid].map((field) =>
      poke4(AREA + field, POISON),
    ),
    poke4(AREA + RSEQ_AREA.flags, one.areaFlags),
    poke4(AREA + RSEQ_AREA.end, POISON),
    { kind: 'poke', address: cell, value: one.pointer },
    ...SECTION_CAUSES[cause](one.position),
    { kind: 'peek', address: cell },
    ...OBSERVED_FIELDS.map((field): Step => ({ kind: 'peek4', address: AREA + field })),
    { kind: 'poke', address: cell, value: 0n },
    poke4(AREA + RSEQ_AREA.flags, 0),
    ...(cause.endsWith('migration') ? [{ kind: 'move', cpu: 0 } as const] : []),
    ...(hasSignature ? [poke4(signatureAt, pristineWord(signatureAt))] : []),
    ...(descriptor === undefined || descriptor.address < TOP ? [] : restore(descriptor.address)),
    call([...registration, UNREGISTER, one.registeredSignature]),
  ];
}

const OBSERVED_FIELDS = [
  RSEQ_AREA.cpuIdStart,
  RSEQ_AREA.cpuId,
  RSEQ_AREA.flags,
  RSEQ_AREA.nodeId,
  RSEQ_AREA.mmCid,
  RSEQ_AREA.end,
] as const;

/** What `toSteps` must print for the effect that the case expects; the task runs on CPU 0. */
export function expectedLines(one: SectionCase): string[] {
  const isFatal = one.effect === 'fatal';
  const id = isFatal ? hex(POISON) : '0';
  const ids = [id, id, hex(one.areaFlags), id, id, hex(POISON)];
  return ['0', landingOf(one), isFatal ? hex(one.pointer) : '0', ...ids, '0'];
}

function landingOf({ effect, position, descriptor }: SectionCase): string {
  const abort = hex(descriptor?.abort ?? 0n);
  switch (effect) {
    case 'abort':
      return abort;
    case 'abort-maperr':
      return `${abort} signal 11 ${SI_CODE.SEGV_MAPERR} ${abort}`;
    case 'abort-accerr':
      return `${abort} signal 11 ${SI_CODE.SEGV_ACCERR} ${abort}`;
    case 'clear':
      return hex(position);
    case 'fatal':
      return `${hex(position)} signal 11 ${SI_CODE.SI_KERNEL} 0`;
  }
}

function describe({ address, version, flags, start, offset, abort }: Descriptor): Step[] {
  const word = (field: number, value: bigint): Step => {
    return { kind: 'poke', address: address + field, value };
  };
  return [
    poke4(address + RSEQ_CS.version, version),
    poke4(address + RSEQ_CS.flags, flags),
    word(RSEQ_CS.startIp, start),
    word(RSEQ_CS.postCommitOffset, offset),
    word(RSEQ_CS.abortIp, abort),
  ];
}

/** Code must be there again for cases that run it. */
function restore(address: number): Step[] {
  const words = Array.from({ length: RSEQ_CS.size / 4 }, (_, i) => address + 4 * i);
  return words.map((word) => poke4(word, pristineWord(word)));
}

function poke4(address: number, value: number): Step {
  return { kind: 'poke4', address, value };
}

function call(args: readonly number[]): Step {
  return { kind: 'call', number: SYS_RSEQ, args };
}
