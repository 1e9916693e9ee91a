import { RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { TASK_SIZE_WORD } from '../../../kernel-model/hardware/address.ts';
import { SIGNATURE } from '../../kernel-model/rseq/section-case.ts';
import { type GuestCause, HELPER_CAUSES, PLAIN_CAUSES } from './guest-causes.ts';
import {
  branch,
  CELL,
  CLEAR_RAX,
  GUEST,
  leave,
  little,
  NOP,
  RET,
  store4,
  store8,
  toHex,
} from './guest-code.ts';
import { FORK_CAUSES } from './guest-fork-causes.ts';
import { SIGNAL_CAUSES } from './guest-signal-causes.ts';
import type { Triple } from './judge-case.ts';

/** A script for judge-guest.c that a kernel and the machine must answer alike. */
export interface GuestCase extends Triple {
  readonly script: string;
}

/** Code of a section around a cause, and where the section begins and ends. */
interface Placed {
  readonly code: readonly number[];
  readonly start: number;
  readonly end: number;
  /** What is there besides, by address. */
  readonly elsewhere?: readonly (readonly [address: number, code: readonly number[]])[];
}

const COMMIT = store4(GUEST.committed, 1);
const ARM = store8(CELL, GUEST.descriptor);
const PRELUDE = [...CLEAR_RAX, ...ARM];

/** Puts pieces of code one behind the other; the section is the second of three. */
function place(before: readonly number[], inside: readonly number[], after: readonly number[]) {
  const start = GUEST.code + before.length;
  return { code: [...before, ...inside, ...after], start, end: start + inside.length };
}

type Position = (cause: GuestCause) => Placed;

/** Where in its code a task is when the cause comes. */
const POSITIONS: Readonly<Record<string, Position>> = {
  'before arming': ({ code }) =>
    place([...CLEAR_RAX, ...code, ...ARM], [...NOP, ...COMMIT], leave(1, 'zero')),
  'between arming and start_ip': ({ code, keeps }) =>
    place([...PRELUDE, ...code], [...NOP, ...COMMIT], leave(1, keeps ?? 'rax')),
  'at the start': ({ code, keeps }) =>
    place(PRELUDE, [...code, ...NOP, ...COMMIT], leave(1, keeps ?? 'rax')),
  'in the middle': ({ code, keeps }) =>
    place(PRELUDE, [...NOP, ...code, ...NOP, ...COMMIT], leave(1, keeps ?? 'rax')),
  'at the end': ({ code, keeps }) =>
    place(PRELUDE, [...NOP, ...COMMIT, ...code], leave(1, keeps ?? 'rax')),
  'after the end': ({ code, keeps }) =>
    place(PRELUDE, [...NOP, ...COMMIT], [...code, ...leave(1, keeps ?? 'rax')]),
  'in a function called from it': ({ code, keeps }) => {
    const call = branch('call', GUEST.code + PRELUDE.length + 1, GUEST.callee);
    const placed = place(PRELUDE, [...NOP, ...call, ...COMMIT], leave(1, keeps ?? 'rax'));
    return { ...placed, elsewhere: [[GUEST.callee, [...code, ...RET]]] };
  },
  'in the abort handler': ({ code, keeps }) => {
    const jump = branch('jump', GUEST.code + PRELUDE.length, GUEST.abort);
    const placed = place(PRELUDE, [...jump, ...COMMIT], leave(1, keeps ?? 'rax'));
    return { ...placed, elsewhere: [[GUEST.abort, [...code, ...leave(2, keeps ?? 'rax')]]] };
  },
};

interface Subject {
  readonly version?: number;
  readonly flags?: number;
  readonly areaFlags?: number;
  readonly signature?: number;
  readonly pointer?: bigint;
  readonly start?: bigint;
  readonly offset?: bigint | 'one short';
  readonly abort?: bigint;
  readonly registered?: readonly [lengthBytes: number, signature: number] | undefined;
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  valid: {},
  'valid, longer area': { registered: [64, SIGNATURE] },
  'not registered': { registered: undefined },
  'wrong signature': { signature: 1 },
  'registered by another signature': { registered: [32, 7] },
  'version 1': { version: 1 },
  'a descriptor flag': { flags: 1 },
  'an area flag': { areaFlags: 4 },
  'offset 0': { offset: 0n },
  'an offset that is one short': { offset: 'one short' },
  'abort_ip inside': { abort: BigInt(GUEST.code) + 40n },
  'start_ip above the limit': { start: TASK_SIZE_WORD + 64n },
  'rseq_cs in a hole': { pointer: BigInt(GUEST.hole) },
};

const SYS_RSEQ = '14e';

function hex(value: number | bigint): string {
  return BigInt.asUintN(64, BigInt(value)).toString(16);
}

/** What every script begins and ends with: none finds anything of the one before. */
const BEGIN = [
  `V ${hex(GUEST.mask)} 1`,
  `S cb 0 8 ${hex(GUEST.mask)}`,
  'S 144 4 S 144 10 S 144 40 S 144 100',
  `V ${hex(GUEST.area)} 0`,
  `V ${hex(GUEST.committed)} 0`,
  `V ${hex(GUEST.result)} 0`,
];
/** Told, and disarmed, before anything else takes the task off its CPU. */
const OBSERVE = [
  `Q ${hex(CELL)} L ${hex(GUEST.area + RSEQ_AREA.cpuId)}`,
  `L ${hex(GUEST.committed)} Q ${hex(GUEST.result)} V ${hex(CELL)} 0`,
];
const END = [
  `V ${hex(GUEST.area + RSEQ_AREA.flags)} 0`,
  ...[GUEST.area, GUEST.otherArea].map(
    (area) => `S ${SYS_RSEQ} ${hex(area)} 20 1 ${hex(SIGNATURE)}`,
  ),
];

function describe(subject: Subject, { start, end }: Placed): string[] {
  const { offset = BigInt(end - start), abort = BigInt(GUEST.abort) } = subject;
  const field = (at: number, value: number | bigint) =>
    `V ${hex(GUEST.descriptor + at)} ${hex(value)}`;
  return [
    field(0, BigInt(subject.version ?? 0) | (BigInt(subject.flags ?? 0) << 32n)),
    field(RSEQ_CS.startIp, subject.start ?? start),
    field(RSEQ_CS.postCommitOffset, offset === 'one short' ? end - start - 1 : offset),
    field(RSEQ_CS.abortIp, abort),
    `W ${hex(GUEST.abort - 4)} ${toHex(little(subject.signature ?? SIGNATURE, 4))}`,
    `V ${hex(GUEST.area + RSEQ_AREA.flags)} ${hex(subject.areaFlags ?? 0)}`,
  ];
}

function scriptOf(subject: Subject, position: Position, cause: GuestCause): string {
  const placed = position(cause);
  const registered = 'registered' in subject ? subject.registered : ([32, SIGNATURE] as const);
  const call = (flags: number) =>
    registered === undefined
      ? []
      : [`S ${SYS_RSEQ} ${hex(GUEST.area)} ${hex(registered[0])} ${flags} ${hex(registered[1])}`];
  const write = (address: number, code: readonly number[]) => `W ${hex(address)} ${toHex(code)}`;
  const code = subject.pointer === undefined ? placed.code : repoint(placed.code, subject.pointer);
  return [
    ...BEGIN,
    write(GUEST.abort, leave(2, cause.keeps ?? 'rax')),
    write(GUEST.afterFault, leave(3, 'zero')),
    write(GUEST.code, code),
    ...(placed.elsewhere ?? []).map(([address, bytes]) => write(address, bytes)),
    ...call(0),
    ...describe(subject, placed),
    ...(cause.before === undefined ? [] : [cause.before]),
    `r ${hex(GUEST.code)}`,
    ...OBSERVE,
    ...(cause.after === undefined ? [] : [cause.after]),
    ...END,
    ...call(1),
  ].join(' ');
}

/** The code with another address in the store that arms. */
function repoint(code: readonly number[], pointer: bigint): readonly number[] {
  const armed = toHex(ARM);
  const other = toHex(store8(CELL, Number(pointer)));
  const text = toHex(code).replace(armed, other);
  return (text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}

const CAUSES = { ...PLAIN_CAUSES, ...HELPER_CAUSES, ...SIGNAL_CAUSES, ...FORK_CAUSES };

/** Each subject with each cause at each position. */
export function guestCases(): GuestCase[] {
  const cases: GuestCase[] = [];
  for (const [subject, section] of Object.entries(SUBJECTS)) {
    for (const [cause, event] of Object.entries<GuestCause>(CAUSES)) {
      for (const [position, locate] of Object.entries(POSITIONS)) {
        const script = scriptOf(section, locate, event);
        cases.push({ subject, cause, position, script });
      }
    }
  }
  return cases;
}
