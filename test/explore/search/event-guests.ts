import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Program } from '../../../emulator/machine/program.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import {
  addOneToRax,
  align,
  assemble,
  bytes,
  jump,
  jumpIfNotZero,
  label,
  load,
  mov,
  nop,
  type Part,
  raxToRdi,
  startThread,
  store,
  subtract,
  syscall,
  systemCall,
  testRax,
  word,
} from '../../machine/tiny-program.ts';

/** A program small enough to try every order of its events. */
export interface EventGuest {
  readonly name: string;
  readonly program: Program;
  readonly vcpus: number;
  /** Interruptions of each task inside sections. */
  readonly hits: number;
  /** Equivalence classes, where they can be counted by hand; `because` says how. */
  readonly known?: { readonly classes: number; readonly because: string };
}

const SIGNATURE = 0x5305_3053;
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;

/** Data words by name, each on a line of its own. */
const WORDS = ['x', 'y', 'z', 'go'];

/** exit(2) with 0: the last one ends the process. */
const leave = systemCall(60, 0);

/**
 * A program whose tasks do these things: the first one starts the others, then does its own part. Who is
 * last to leave decides the status, which is that of the first task.
 */
function tasks(bodies: readonly (readonly Part[])[], data: readonly Part[] = []): Program {
  const others = bodies.slice(1);
  const parts: Part[] = [
    ...others.flatMap((_, i) => startThread(`task ${i}`, `tid ${i}`, `stack ${i}`)),
    ...(bodies[0] ?? []),
    ...leave,
    ...others.flatMap((body, i) => [label(`task ${i}`), ...body, ...leave]),
    align(4096),
    ...WORDS.flatMap((name) => [align(64), label(name), word(0)]),
    ...others.flatMap((_, i) => [align(64), label(`tid ${i}`), word(0)]),
    ...others.flatMap((_, i) => [align(64), word(0), label(`stack ${i}`), word(0)]),
    ...data,
    align(64),
    word(0),
  ];
  return assemble(parts).program;
}

/** mov $value, %rax; movabs %rax, address */
function set(address: string, value = 1): Part[] {
  return [mov('rax', value), store(address)];
}

/** A count that is lost if another task comes in between. */
export function increment(address: string): Part[] {
  return [load(address), addOneToRax, store(address)];
}

/** lock incq address: mov $address, %rdi; lock incq (%rdi) */
function atomicIncrement(address: string): Part[] {
  return [mov('rdi', address), bytes(0xf0, 0x48, 0xff, 0x07)];
}

/** movl $1, 4(%rdi): the upper half of a word. */
function setUpperHalf(address: string): Part[] {
  return [mov('rdi', address), bytes(0xc7, 0x47, 0x04, 1, 0, 0, 0)];
}

/** movl $1, (%rdi) */
function setLowerHalf(address: string): Part[] {
  return [mov('rdi', address), bytes(0xc7, 0x07, 1, 0, 0, 0)];
}

function register(name: string): Part[] {
  return systemCall(334, `area ${name}`, 32, 0, SIGNATURE);
}

/** What a section does: its instructions, and how many of their bytes are inside. */
interface SectionBody {
  readonly parts: readonly Part[];
  readonly lengthBytes: number;
  /** Between arming and the first instruction inside. */
  readonly gap?: readonly Part[];
  /** The abort handler goes back without arming again. */
  readonly forgetsArming?: boolean;
}

const TWO_NOPS: SectionBody = { parts: [nop, nop], lengthBytes: 2 };
const TWO_NOPS_ARMED_EARLY: SectionBody = { ...TWO_NOPS, gap: [nop, nop] };
/** load, inc %rax, store */
export const COUNT_X: SectionBody = { parts: increment('x'), lengthBytes: 23 };

/** Registers, then goes through a section until it gets to its end. */
export function section(name: string, { parts, gap = [], forgetsArming }: SectionBody): Part[] {
  return [
    ...register(name),
    label(`retry ${name}`),
    mov('rax', `descriptor ${name}`),
    store(`cell ${name}`),
    ...gap,
    label(`start ${name}`),
    ...parts,
    jump(`done ${name}`),
    bytes(0x53, 0x30, 0x05, 0x53),
    label(`abort ${name}`),
    jump(forgetsArming ? `start ${name}` : `retry ${name}`),
    label(`done ${name}`),
  ];
}

export function sectionData(name: string, { lengthBytes }: SectionBody): Part[] {
  return [
    align(64),
    label(`area ${name}`),
    word(0),
    label(`cell ${name}`),
    word(0),
    word(0),
    word(0),
    label(`descriptor ${name}`),
    word(0),
    word(`start ${name}`),
    word(lengthBytes),
    word(`abort ${name}`),
  ];
}

function futexWait(address: string): Part[] {
  return systemCall(202, address, FUTEX_WAIT, 0, 0);
}

function futexWake(address: string, count: number): Part[] {
  return systemCall(202, address, FUTEX_WAKE, count, 0);
}

/** Waits in a loop until a word is not 0. */
function spinUntil(address: string): Part[] {
  return [
    label('spin'),
    load(address),
    testRax,
    jumpIfNotZero('spun'),
    jump('spin'),
    label('spun'),
  ];
}

/** Ends the whole process with what the word lacks of a number. */
function endGroup(address: string, wanted: number): Part[] {
  return [load(address), subtract(wanted), raxToRdi, mov('rax', 231), syscall];
}

const EXITS = 'the exits come in any order';

/** Programs whose events can be tried in every order. */
export const EVENT_GUESTS: readonly EventGuest[] = [
  {
    name: 'stores to different words',
    program: tasks([set('x'), set('y')]),
    vcpus: 1,
    hits: 1,
    known: { classes: 2, because: EXITS },
  },
  {
    name: 'two stores to one word',
    program: tasks([set('x'), set('x')]),
    vcpus: 1,
    hits: 1,
    known: { classes: 2 * 2, because: `2 orders of the stores; ${EXITS}` },
  },
  {
    name: 'three stores to one word',
    program: tasks([set('x'), set('x'), set('x')]),
    vcpus: 1,
    hits: 1,
    known: {
      classes: 6 * 6 + 2 * 2,
      because: `3! orders of the stores, 3! of the exits; or all of the second task before the third`,
    },
  },
  {
    name: 'two loads and a store',
    program: tasks([[load('x'), load('x')], set('x')]),
    vcpus: 3,
    hits: 0,
    known: { classes: 3 * 2, because: `the store before, between or after; ${EXITS}` },
  },
  {
    name: 'two unprotected increments',
    program: tasks([increment('x'), increment('x')]),
    vcpus: 1,
    hits: 1,
    known: { classes: 4 * 2, because: `6 interleavings, the loads commute in 2 pairs; ${EXITS}` },
  },
  {
    name: 'two atomic increments',
    program: tasks([atomicIncrement('x'), atomicIncrement('x')]),
    vcpus: 3,
    hits: 0,
    known: { classes: 2 * 2, because: `2 orders; ${EXITS}` },
  },
  {
    name: 'two words in opposite order',
    program: tasks([
      [...set('x'), ...set('y')],
      [...set('y'), ...set('x')],
    ]),
    vcpus: 3,
    hits: 0,
    known: { classes: 3 * 2, because: `4 pairs of orders, one is a circle; ${EXITS}` },
  },
  {
    name: 'two halves of one word',
    program: tasks([setLowerHalf('x'), setUpperHalf('x')]),
    vcpus: 1,
    hits: 1,
    known: { classes: 2, because: `the bytes do not overlap; ${EXITS}` },
  },
  {
    name: 'a half and the whole of one word',
    program: tasks([set('x'), setUpperHalf('x')]),
    vcpus: 1,
    hits: 1,
    known: { classes: 2 * 2, because: `2 orders; ${EXITS}` },
  },
  {
    name: 'a section of two instructions alone',
    program: tasks([section('a', TWO_NOPS)], sectionData('a', TWO_NOPS)),
    vcpus: 1,
    hits: 1,
    known: {
      classes: 1 + 3,
      because: 'no spurious reschedule, or one before either instruction or before the exit',
    },
  },
  {
    name: 'a section of two instructions alone, interrupted twice',
    program: tasks([section('a', TWO_NOPS)], sectionData('a', TWO_NOPS)),
    vcpus: 1,
    hits: 2,
    known: { classes: 1 + 2 * (1 + 3) + 1, because: 'after one inside the retry is as new' },
  },
  {
    name: 'a section and another task that leaves, one vCPU',
    program: tasks([section('a', TWO_NOPS), set('y')], sectionData('a', TWO_NOPS)),
    vcpus: 1,
    hits: 1,
    known: {
      classes: 5 + 2 * 4 + 3,
      because:
        'the other one comes before arming, before either instruction, before the exit or after it; ' +
        'or around a spurious reschedule at either, where the retry is not interrupted any more, ' +
        'or around one before the exit',
    },
  },
  {
    name: 'a section that may be interrupted twice',
    program: tasks([section('a', TWO_NOPS), []], sectionData('a', TWO_NOPS)),
    vcpus: 1,
    hits: 2,
  },
  {
    name: 'a section that is armed early',
    program: tasks([section('a', TWO_NOPS_ARMED_EARLY), set('y')], sectionData('a', TWO_NOPS)),
    vcpus: 1,
    hits: 1,
  },
  {
    name: 'a section and a store elsewhere, vCPUs of their own',
    program: tasks([section('a', TWO_NOPS), set('y')], sectionData('a', TWO_NOPS)),
    vcpus: 3,
    hits: 0,
    known: { classes: 2, because: `nobody is interrupted; ${EXITS}` },
  },
  {
    name: 'a counter in a section against a store, one vCPU',
    program: tasks([section('a', COUNT_X), set('x', 7)], sectionData('a', COUNT_X)),
    vcpus: 1,
    hits: 1,
  },
  {
    name: 'two counters in sections, one vCPU',
    program: tasks(
      [section('a', COUNT_X), section('b', COUNT_X)],
      [...sectionData('a', COUNT_X), ...sectionData('b', COUNT_X)],
    ),
    vcpus: 1,
    hits: 0,
  },
  {
    name: 'a futex: a waiter and a waker',
    program: tasks([futexWait('go'), [...set('go'), ...futexWake('go', 1)]]),
    vcpus: 1,
    hits: 1,
    known: {
      classes: 3 * 2,
      because: `the wait comes before, between or after store and wake; ${EXITS}`,
    },
  },
  {
    name: 'a futex: one of two waiters is woken, then the other',
    program: tasks([
      [...set('go'), ...futexWake('go', 1), ...futexWake('go', 1)],
      futexWait('go'),
      futexWait('go'),
    ]),
    vcpus: 1,
    hits: 1,
  },
  {
    name: 'a spin loop',
    program: tasks([spinUntil('go'), set('go')]),
    vcpus: 1,
    hits: 1,
  },
  {
    name: 'two words in opposite order, and migrations',
    program: tasks([
      [...set('x'), ...set('y')],
      [...set('y'), ...set('x')],
    ]),
    vcpus: 2,
    hits: 1,
  },
  {
    name: 'a section, a load and migrations',
    program: tasks([section('a', TWO_NOPS), [load('x')]], sectionData('a', TWO_NOPS)),
    vcpus: 2,
    hits: 1,
  },
  {
    name: 'the end of the process in the middle of it all',
    program: tasks([
      [...increment('x'), ...endGroup('x', 1)],
      [...increment('x'), ...increment('x')],
    ]),
    vcpus: 3,
    hits: 0,
  },
];

/** An explorer of a guest, with its bounds. */
export function explorerOf(machine: Machine, { program, vcpus, hits }: EventGuest): Explorer {
  const searched = { program, profile: PROFILES['linux-6.18'], vcpus, seed: 1 };
  return new Explorer(machine, searched, {
    preemptions: hits,
    entries: 1,
    instructions: 20_000,
    signals: [],
    runs: 0,
    seed: 1,
    depth: 1,
  });
}
