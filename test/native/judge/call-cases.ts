import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { PAGE_SIZE, TASK_SIZE, TASK_SIZE_WORD } from '../../../kernel-model/hardware/address.ts';
import { CODE_END, HOLE, NO_ACCESS, READ_ONLY, TOP } from '../../kernel-model/rseq/arena.ts';
import { type Step, SYS_MPROTECT, SYS_RSEQ } from '../../kernel-model/rseq/script.ts';
import { AREA, SIGNATURE } from '../../kernel-model/rseq/section-case.ts';
import { Draw } from './draw.ts';
import type { JudgeCase } from './judge-case.ts';

const SYS_MEMBARRIER = 324;
const UNREGISTER = 1;
const POISON = 0xdead_beef;
const OUTSIDE = BigInt(CODE_END - 64);
const PAGE = AREA - (AREA % PAGE_SIZE);
const PROTECTIONS = { none: 0, read: 1, readWrite: 3 } as const;

interface RseqCall {
  readonly pointer: number | bigint;
  readonly lengthBytes: number;
  readonly flags: number;
  readonly signature: number;
}

const USUAL: RseqCall = { pointer: AREA, lengthBytes: 32, flags: 0, signature: SIGNATURE };

/** What is asked for, one thing at a time or several. */
const POINTERS: Readonly<Record<string, (draw: Draw) => number | bigint>> = {
  'the usual area': () => AREA,
  'another area': (draw) => AREA + 32 * draw.int(1, 20),
  'a misaligned area': (draw) => AREA + draw.int(1, 31),
  'no area': () => 0,
  'a hole': (draw) => HOLE + 32 * draw.int(0, 127),
  'no access': (draw) => NO_ACCESS + 32 * draw.int(0, 127),
  'a read-only area': (draw) => READ_ONLY + 32 * draw.int(0, 63),
  'the last area': () => TASK_SIZE - 32,
  'an area before the last': (draw) => TOP + 32 * draw.int(1, 126),
  'the limit': () => TASK_SIZE,
  'above the limit': (draw) => draw.big(TASK_SIZE_WORD, 2n ** 47n),
  'not canonical': (draw) => draw.big(2n ** 47n, 2n ** 63n) & ~31n,
  'the kernel': (draw) => draw.big(2n ** 64n - 2n ** 47n, 2n ** 64n - 1n) & ~31n,
};
const LENGTHS: readonly [(draw: Draw) => number, ...((draw: Draw) => number)[]] = [
  () => 32,
  () => 32,
  () => 33,
  () => 64,
  (draw) => draw.int(0, 31),
  (draw) => draw.int(33, 4096),
  () => 2 ** 32 - 1,
];
const REGISTER_FLAGS = [0, 0, 0, 0, 0, 2, 4, 16, 1 << 30] as const;
const UNREGISTER_FLAGS = [1, 1, 1, 1, 3, 5, 17, -1] as const;

const UNREADABLE = 'registered, area without access';

/** What the task was before. */
const STATES: Readonly<Record<string, readonly Step[]>> = {
  'never registered': [],
  registered: [call(USUAL)],
  'registered with more bytes': [call({ ...USUAL, lengthBytes: 64 })],
  'registered with another signature': [call({ ...USUAL, signature: 7 })],
  'registered and gone': [call(USUAL), call({ ...USUAL, flags: UNREGISTER })],
  'registered, area read-only': [call(USUAL), protect(PROTECTIONS.read)],
  [UNREADABLE]: [call(USUAL), protect(PROTECTIONS.none)],
};

/** rseq(2) by its arguments, in tasks of every state. */
export function registrationCases(rounds: number): JudgeCase[] {
  const draw = new Draw(3);
  const cases: JudgeCase[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [position, before] of Object.entries(STATES)) {
      for (const [subject, pointer] of Object.entries(POINTERS)) {
        for (const cause of ['register', 'unregister'] as const) {
          const request: RseqCall = {
            pointer: pointer(draw),
            lengthBytes: draw.pick(LENGTHS)(draw),
            flags: draw.pick(cause === 'register' ? REGISTER_FLAGS : UNREGISTER_FLAGS),
            signature: draw.pick([SIGNATURE, SIGNATURE, 7, 0]),
          };
          const stale = draw.pick([[], [{ kind: 'poke', address: AREA + 8, value: 64n } as const]]);
          const seen = position === UNREADABLE ? [] : FIELDS;
          const after = observe(request, seen);
          const steps = [...before, ...poison(), ...stale, call(request), ...after];
          cases.push({ subject, cause, position, steps: [{ kind: 'reset' }, ...steps] });
        }
      }
    }
  }
  return cases;
}

/** What the task is afterwards, told by what is asked of it next. */
function observe(request: RseqCall, fields: readonly number[]): Step[] {
  return [
    { kind: 'resume', address: OUTSIDE },
    protect(PROTECTIONS.readWrite),
    ...fields.map((field): Step => ({ kind: 'peek4', address: AREA + field })),
    call({ ...request, flags: 0 }),
    call({ ...request, flags: UNREGISTER }),
    call({ ...USUAL, flags: UNREGISTER }),
    { kind: 'move', cpu: 1 },
    call(USUAL),
    { kind: 'resume', address: OUTSIDE },
    ...fields.map((field): Step => ({ kind: 'peek4', address: AREA + field })),
    call({ ...USUAL, flags: UNREGISTER }),
    ...fields.slice(0, 2).map((field): Step => ({ kind: 'peek4', address: AREA + field })),
  ];
}

const FIELDS = [...Object.values(RSEQ_AREA), RSEQ_AREA.rseqCs + 4];

function poison(): Step[] {
  return FIELDS.filter((field) => field < 8 || field > 12).map((field) => {
    return { kind: 'poke4', address: AREA + field, value: POISON };
  });
}

function call({ pointer, lengthBytes, flags, signature }: RseqCall): Step {
  return { kind: 'call', number: SYS_RSEQ, args: [pointer, lengthBytes, flags, signature] };
}

function protect(protection: number): Step {
  return { kind: 'call', number: SYS_MPROTECT, args: [PAGE, PAGE_SIZE, protection] };
}

const COMMANDS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512] as const;
const OTHER_COMMANDS = [3, 12, 129, 384, 1024, 1 << 30, -1] as const;
const MEMBARRIER_FLAGS = [0, 0, 1, 2, 3, 1 << 31, -1] as const;
const CPU_NUMBERS = [0, 1, 2, 1000, 1 << 20, -1, -2] as const;
const REGISTER_COMMANDS = [4, 16, 64, 256] as const;

/** membarrier(2): each command after each set of registrations, with drawn flags and CPU. */
export function membarrierCases(rounds: number): JudgeCase[] {
  const draw = new Draw(4);
  const cases: JudgeCase[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let mask = 0; mask < 1 << REGISTER_COMMANDS.length; mask++) {
      const done = REGISTER_COMMANDS.filter((_, i) => (mask & (1 << i)) !== 0);
      for (const command of [...COMMANDS, draw.pick(OTHER_COMMANDS)]) {
        const flags = command === 128 ? draw.pick([0, 1, 1, 2, 3]) : draw.pick(MEMBARRIER_FLAGS);
        const args = [command, flags, draw.pick(CPU_NUMBERS)];
        cases.push({
          subject: `membarrier ${COMMANDS.some((one) => one === command) ? command : 'unknown'}`,
          cause: `flags ${flags === 0 || flags === 1 ? flags : 'unknown'}`,
          position: done.length === 0 ? 'not registered' : `registered by ${done.join(', ')}`,
          steps: [
            { kind: 'reset' },
            ...done.map((one) => membarrier([one])),
            membarrier(args),
            membarrier([512]),
          ],
        });
      }
    }
  }
  return cases;
}

function membarrier(args: readonly number[]): Step {
  return { kind: 'call', number: SYS_MEMBARRIER, args };
}
