import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../emulator/errors.ts';
import type { Outcome } from '../../emulator/machine/outcome.ts';
import {
  formatSchedule,
  isPrintedSchedule,
  printSchedule,
  SCHEDULE_SCHEMA,
  type Schedule,
} from '../../emulator/machine/schedule.ts';
import { parsePrintedSchedule, parseSchedule } from '../../emulator/machine/schedule-parser.ts';
import { decision } from './decision-arbitrary.ts';

const NAME = 'run.json';
const number = fc.nat();
const text = fc.string({ unit: 'grapheme' });
const hexadecimal = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('exit' as const), status: fc.nat(255) }),
  fc.record({
    kind: fc.constant('signal' as const),
    signal: fc.integer({ min: 1, max: 64 }),
    task: fc.integer({ min: 1 }),
    address: number,
    reason: text,
  }),
  fc.record({
    kind: fc.constant('deadlock' as const),
    blocked: fc.array(fc.record({ task: fc.integer({ min: 1 }), waitsFor: text })),
  }),
  fc.record({
    kind: fc.constant('livelock' as const),
    task: fc.integer({ min: 1 }),
    section: number,
  }),
  fc.record({ kind: fc.constant('budget' as const), instructions: fc.integer({ min: 1 }) }),
  fc.record({ kind: fc.constant('unsupported' as const), what: text, address: number }),
  fc.record({ kind: fc.constant('diverged' as const), detail: text }),
);

const schedule: fc.Arbitrary<Schedule> = fc.record({
  schema: fc.constant(SCHEDULE_SCHEMA),
  guest: fc.record({
    path: text,
    sha256: hexadecimal(64),
    args: fc.array(text),
    env: fc.array(text),
  }),
  engine: text,
  kernel: text,
  cpus: fc.integer({ min: 1, max: 64 }),
  seed: number,
  tick: fc.integer({ min: 1 }),
  maxInstructions: fc.integer({ min: 1 }),
  memoryModel: fc.constant('SC' as const),
  decisions: fc.array(decision, { maxLength: 30 }),
  outcome,
  instructions: number,
  stateHash: hexadecimal(16),
});

const SAMPLE: Schedule = {
  schema: SCHEDULE_SCHEMA,
  guest: { path: 'guest/counter.bin', sha256: 'a'.repeat(64), args: ['2'], env: ['A=1'] },
  engine: 'unicorn 2.0.1',
  kernel: 'linux-6.18',
  cpus: 2,
  seed: 1,
  tick: 200,
  maxInstructions: 1000,
  memoryModel: 'SC',
  decisions: [
    { kind: 'switch', vcpu: 0, task: 1 },
    { kind: 'run', vcpu: 0, instructions: 143 },
  ],
  outcome: { kind: 'signal', signal: 11, task: 1, address: 0x40_0000, reason: '' },
  instructions: 143,
  stateHash: '0123456789abcdef',
};

/** The error that `parse` must end with: one line, with the file's name. */
function refusalOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.code).toBe('schedule-malformed');
    expect(error.message).not.toMatch(/\n/);
    return error.message;
  }
  throw new Error('it was taken');
}

describe('a schedule', () => {
  test('comes back from its JSON text and from its printed form', () => {
    const property = fc.property(schedule, (one) => {
      expect(parseSchedule(formatSchedule(one), NAME)).toEqual(one);
      const printed = printSchedule(one);
      expect(printed).toMatch(/^[\w:-]+$/);
      expect(isPrintedSchedule(printed)).toBe(true);
      expect(parsePrintedSchedule(printed)).toEqual(one);
    });
    fc.assert(property, { numRuns: 300, seed: 1 });
  });

  test('has its decisions as words that a person can read', () => {
    expect(JSON.parse(formatSchedule(SAMPLE))).toMatchObject({ decisions: 's0:1 r0:143' });
  });
});

/** The path of each field of a JSON value, objects and arrays included. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  const isNested = typeof value === 'object' && value !== null;
  const inner = isNested
    ? Object.entries(value).flatMap(([key, field]) => pathsOf(field, [...path, key]))
    : [];
  return path.length === 0 ? inner : [path, ...inner];
}

/** A copy with one field changed by `change`, which gets what holds the field. */
function withField(
  path: readonly string[],
  change: (holder: Record<string, unknown>, key: string) => void,
): string {
  const copy: Record<string, unknown> = JSON.parse(formatSchedule(SAMPLE));
  const key = path.at(-1) ?? '';
  const holder = path
    .slice(0, -1)
    .reduce((value, name) => value[name] as Record<string, unknown>, copy);
  change(holder, key);
  return JSON.stringify(copy);
}

const PATHS = pathsOf(JSON.parse(formatSchedule(SAMPLE)));
const FIELD_PATHS = PATHS.filter((path) => !/^\d+$/.test(path.at(-1) ?? ''));
const WRONG_VALUES = [null, true, {}, [], -1, 1.5, 1e300, '\u0000 nothing '];
/** Fields that take any text. */
const TEXTS = ['guest.path', 'guest.args.0', 'guest.env.0', 'engine', 'kernel', 'outcome.reason'];
const LISTS = ['guest.args', 'guest.env'];

function isRightFor(path: string, value: unknown): boolean {
  if (TEXTS.includes(path)) return typeof value === 'string';
  return LISTS.includes(path) && Array.isArray(value);
}

describe('a schedule file is refused in one line that names the field', () => {
  test.each(FIELD_PATHS.map((path) => path.join('.')))('if %s is missing', (joined) => {
    const broken = withField(joined.split('.'), (holder, key) => delete holder[key]);
    const message = refusalOf(() => parseSchedule(broken, NAME));
    expect(message).toMatch(new RegExp(`^${NAME}: not a schedule: ${joined}`));
  });

  test.each(PATHS.map((path) => path.join('.')))('if %s is something else', (joined) => {
    for (const value of WRONG_VALUES) {
      if (isRightFor(joined, value)) continue;
      const broken = withField(joined.split('.'), (holder, key) => {
        holder[key] = value;
      });
      const message = refusalOf(() => parseSchedule(broken, NAME));
      expect(message, `${joined} = ${JSON.stringify(value)}`).toContain(joined.split('.')[0]);
    }
  });

  test.each(['', 'guest.', 'schema.', 'outcome.'])('if %sextra is there', (prefix) => {
    const broken = withField(`${prefix}extra`.split('.'), (holder, key) => {
      holder[key] = 1;
    });
    expect(refusalOf(() => parseSchedule(broken, NAME))).toContain('extra');
  });

  test.each([
    ['cpus', 0],
    ['cpus', 65],
    ['tick', 0],
    ['seed', -1],
    ['maxInstructions', 0],
    ['memoryModel', 'TSO'],
    ['stateHash', '0123456789ABCDEF'],
    ['guest.sha256', 'a'.repeat(63)],
    ['schema.version', 2],
    ['schema.name', 'other'],
    ['decisions', 's0:1  r0:1'],
    ['decisions', 's0:1,r0:1'],
    ['decisions', 'z9'],
    ['outcome.kind', 'won'],
    ['outcome.signal', 65],
    ['instructions', -1],
  ])('if %s is %j', (path, value) => {
    const broken = withField(path.split('.'), (holder, key) => {
      holder[key] = value;
    });
    expect(refusalOf(() => parseSchedule(broken, NAME))).toContain(path);
  });

  test.each([
    ['cpus', 0, 'cpus takes 1 or more, not 0'],
    ['cpus', 65, 'cpus takes 64 or less, not 65'],
    ['cpus', 1.5, 'cpus takes a whole number, not 1.5'],
    ['cpus', '2', 'cpus takes a number, not "2"'],
    ['guest.args', {}, 'guest.args takes a list, not an object'],
    ['memoryModel', 'TSO', 'memoryModel takes "SC", not "TSO"'],
    ['stateHash', 'x', 'stateHash is not of the right form: "x"'],
    ['decisions', 'z9', 'decisions: no decision is written "z9"'],
    ['outcome', { kind: 'exit' }, 'outcome.status is missing'],
    ['extra', 1, 'extra is not a field there'],
  ])('in our words, if %s is %j', (path, value, expected) => {
    const broken = withField(path.split('.'), (holder, key) => {
      holder[key] = value;
    });
    expect(refusalOf(() => parseSchedule(broken, NAME))).toBe(
      `${NAME}: not a schedule: ${expected}`,
    );
  });

  test('if it is no JSON, or no object', () => {
    for (const wrong of ['', '{', 'null', '[]', '1', '"x"', formatSchedule(SAMPLE).slice(0, -3)]) {
      expect(refusalOf(() => parseSchedule(wrong, NAME))).toMatch(/^run\.json: not a schedule: /);
    }
  });

  test('whatever it holds', () => {
    const property = fc.property(fc.oneof(fc.string(), fc.json()), (garbage) => {
      expect(refusalOf(() => parseSchedule(garbage, NAME)).length).toBeLessThan(300);
    });
    fc.assert(property, { numRuns: 500, seed: 1 });
  });
});

describe('a printed schedule is refused in one line', () => {
  const printed = printSchedule(SAMPLE);

  test('if it is cut short', () => {
    for (let length = 6; length < printed.length; length++) {
      refusalOf(() => parsePrintedSchedule(printed.slice(0, length)));
    }
  });

  test('if a character is another, unless that means the same', () => {
    for (let at = 6; at < printed.length; at++) {
      const other = printed[at] === 'A' ? 'B' : 'A';
      const changed = `${printed.slice(0, at)}${other}${printed.slice(at + 1)}`;
      try {
        parsePrintedSchedule(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }
  });

  test('if it is no such word', () => {
    for (const wrong of ['', 'rseq1:', 'rseq1:!!!!', 'rseq2:AAAA', 'x', NAME]) {
      refusalOf(() => parsePrintedSchedule(wrong));
    }
    expect(['', 'rseq', 'rseq2:AAAA', NAME].filter(isPrintedSchedule)).toEqual([]);
  });
});
