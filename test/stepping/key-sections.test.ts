import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ProgramImage } from '../../emulator/loader/image.ts';
import { KEY_SECTION, readKeyTuples } from '../../emulator/loader/rseq-keys.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { readKeySections } from '../../emulator/stepping/key-sections.ts';
import { STEP_POLICIES } from '../../emulator/stepping/registry.ts';
import { openTestMachine } from '../machine/rig.ts';
import {
  addOneToRax,
  align,
  assemble,
  bytes,
  decrementRbx,
  exit,
  jump,
  jumpIfNotZero,
  label,
  load,
  mov,
  nop,
  store,
  testRax,
  word,
} from '../machine/tiny-program.ts';
import { stepThrough } from './rig.ts';

const ROUNDS = 3;
const SHF_ALLOC = 2;
const START = 1;
const FINISH = 2;
const ABORT = 3;
const MARK_KEY = 0x5000;

/** A loop whose body could be a section: a way through, a way out, and a way back to another attempt. */
const { program, labels } = assemble([
  mov('rbx', ROUNDS),
  label('start'),
  load('counter'),
  testRax,
  jumpIfNotZero('work'),
  jump('retry'),
  label('work'),
  addOneToRax,
  bytes(0x48, 0x83, 0xf8, 100),
  jumpIfNotZero('commit'),
  jump('given up'),
  label('commit'),
  store('counter'),
  label('finished'),
  decrementRbx,
  jumpIfNotZero('start'),
  ...exit(0),
  label('given up'),
  nop,
  testRax,
  jumpIfNotZero('finished'),
  ...exit(1),
  label('retry'),
  mov('rax', 1),
  store('counter'),
  jump('start'),
  label('unrelated'),
  nop,
  ...exit(2),
  align(4096),
  label('counter'),
  word(1),
]);

type Tuple = readonly [type: number, at: string | number, key: number];

function withKeys(
  tuples: readonly Tuple[],
  flags = 0,
  extra: readonly number[] = [],
): ProgramImage {
  const section = Buffer.alloc(24 * tuples.length);
  tuples.forEach(([type, at, key], i) => {
    const address = typeof at === 'string' ? (labels.get(at) ?? 0) : at;
    [type, address, key].forEach((field, j) => {
      section.writeBigUInt64LE(BigInt(field), 24 * i + 8 * j);
    });
  });
  return withSection(Buffer.concat([section, Buffer.from(extra)]), flags);
}

function withSection(content: Buffer, flags = 0): ProgramImage {
  const section = {
    name: KEY_SECTION,
    address: 0,
    size: content.length,
    offset: 0,
    flags,
    type: 1,
    bytes: content,
  };
  return { ...program.image, sections: [section] };
}

const GOOD: readonly Tuple[] = [
  [START, 'start', MARK_KEY],
  [FINISH, 'finished', MARK_KEY],
  [ABORT, 'given up', MARK_KEY],
];

describe('a key section', () => {
  test('that is right has no problems, and groups entries and exits by key', () => {
    const read = readKeySections(withKeys(GOOD));
    expect(read?.problems).toEqual([]);
    expect(read?.sections).toHaveLength(1);
    const [section] = read?.sections ?? [];
    expect(section?.starts).toEqual(new Set([labels.get('start')]));
    expect(section?.exits).toEqual(new Set([labels.get('finished'), labels.get('given up')]));
    expect(section?.inside.has(labels.get('work') ?? 0)).toBe(true);
    expect(section?.inside.has(labels.get('retry') ?? 0)).toBe(false);
  });

  test('that is not there is not read', () => {
    expect(readKeySections(program.image)).toBeUndefined();
  });

  test('of a position-independent program has the load bias added', () => {
    const { image } = program;
    const moved = { ...withKeys([[START, 0x100, 0x20]]), loadBias: 0x40_0000 };
    expect(image.loadBias).toBe(0);
    expect(readKeyTuples(moved)?.tuples).toEqual([
      { type: 'start', address: 0x40_0100, key: 0x40_0020 },
    ]);
  });

  test.each<readonly [string, readonly Tuple[], readonly string[]]>([
    ['a key without exit', GOOD.slice(0, 1), ['key 0x5000 has no exit']],
    ['a key without start', GOOD.slice(1), ['key 0x5000 has no start']],
    [
      'an address outside the text',
      [...GOOD, [FINISH, 0x10, MARK_KEY]],
      ['tuple 3 (finish) is at 0x10, outside the text'],
    ],
    [
      'an exit that no start leads to',
      [...GOOD, [ABORT, 'unrelated', MARK_KEY]],
      ['no start leads to the exit at '],
    ],
    ['a way out that is not listed', GOOD.slice(0, 2), ['which is not listed as an exit']],
    ['an unknown type', [...GOOD, [4, 'finished', MARK_KEY]], ['tuple 3 has the unknown type 4']],
    ['two keys, one without exit', [...GOOD, [START, 'start', 1]], ['key 0x1 has no exit']],
  ])('with %s is reported', (_, tuples, problems) => {
    const found = readKeySections(withKeys(tuples))?.problems ?? [];
    expect(found).toHaveLength(problems.length);
    problems.forEach((problem, i) => {
      expect(found[i]).toContain(problem);
    });
  });

  test('that is loaded, or cut, is reported', () => {
    expect(readKeySections(withKeys(GOOD, SHF_ALLOC))?.problems).toEqual([
      'section __rseq_keys: it is loaded, so its addresses may not be final',
    ]);
    expect(readKeySections(withKeys(GOOD, 0, [1]))?.problems).toEqual([
      'section __rseq_keys: it ends in half a tuple',
    ]);
  });

  test('of any content is read, with one line for each problem', () => {
    const address = fc.oneof(
      fc.constantFrom(...labels.values()),
      fc.integer({ min: 0x3f_fff0, max: 0x40_0140 }),
      fc.maxSafeNat(),
    );
    const tuple = fc.tuple(fc.nat(4), address, fc.constantFrom(1, 2));
    fc.assert(
      fc.property(
        fc.array(tuple, { maxLength: 6 }),
        fc.uint8Array({ maxLength: 60 }),
        (all, end) => {
          for (const image of [withKeys(all, 0, [...end]), withSection(Buffer.from(end))]) {
            const { sections, problems } = readKeySections(image) ?? { sections: [], problems: [] };
            for (const problem of problems)
              expect(problem).toMatch(/^section __rseq_keys: [^\n]+$/);
            for (const { starts, exits } of sections) {
              expect(Math.min(starts.size, exits.size)).toBeGreaterThan(0);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a program with keys, stepped', () => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await openTestMachine();
  });

  const image = withKeys(GOOD);
  const run = { program: { ...program, image } };

  test('key: runs from each start to the exit', () => {
    const { outcome, steps } = stepThrough(machine, { ...run, kind: STEP_POLICIES.key });
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    const skips = steps.filter(({ instructions }) => instructions > 1);
    expect(skips.map(({ from, to }) => [from, to])).toEqual(
      new Array(ROUNDS).fill([labels.get('start'), labels.get('finished')]),
    );
  });

  test('key-after-loop: steps what gets through at the first attempt', () => {
    const { steps } = stepThrough(machine, { ...run, kind: STEP_POLICIES['key-after-loop'] });
    expect(steps.every(({ instructions }) => instructions === 1)).toBe(true);
  });

  test('its problems are warnings of the policy', () => {
    const bad = withKeys(GOOD.slice(0, 2));
    expect(STEP_POLICIES.key.make(bad).warnings).toHaveLength(1);
    expect(STEP_POLICIES['key-after-loop'].make(image).warnings).toEqual([]);
  });
});
