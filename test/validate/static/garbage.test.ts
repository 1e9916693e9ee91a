import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ObjectImage } from '../../../emulator/loader/object/object-image.ts';
import { parseObject } from '../../../emulator/loader/object/read-object.ts';
import { toCheckJson } from '../../../emulator/report/check/json.ts';
import { toSarif } from '../../../emulator/report/check/sarif.ts';
import { formatCheck } from '../../../emulator/report/check/text.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { survives } from '../../loader/refusals.ts';
import { compileSections, TWO_SECTIONS } from './compiled-guest.ts';

const KERNELS = [
  PROFILES['linux-6.18'],
  PROFILES['linux-5.5'],
  PROFILES['rfc-2017'],
  PROFILES['desnoyers-2016b'],
] as const;
const ONE_LINE = /^\P{Cc}{5,300}$/u;

/** Does all that `check` does with a file, and reports it in every form. */
function checkAll(image: ObjectImage, kernel: (typeof KERNELS)[number]): void {
  const { program, findings } = checkImage(image, { kernel });
  for (const { message, symbol } of findings) {
    expect(message).toMatch(ONE_LINE);
    expect(symbol).not.toBe('');
  }
  for (const note of program.found.notes) expect(note).toMatch(ONE_LINE);
  const file = { path: image.path, program, notes: image.warnings };
  const outcome = {
    kernel: kernel.name,
    files: [file],
    findings: findings.slice(0, 20).map((finding) => ({ ...finding, file })),
    suppressed: [],
    unusedSuppressions: [],
  };
  expect(formatCheck(outcome, 'att')).toContain('section');
  formatCheck(outcome, 'intel');
  JSON.stringify([toCheckJson(outcome), toSarif(outcome)]);
}

const guests = ['list', 'rules/r19-exit', 'abi/rfc-2017-list'].map((name) => {
  const bytes = new Uint8Array(readFileSync(join(guestDir, `${name}.elf`)));
  const { sections } = parseObject(name, bytes);
  const tables = sections.filter((each) => each.name.startsWith('__rseq'));
  return { bytes, tables };
});

type Sample = (typeof guests)[number];

/** Where damage matters: headers, the tables of sections, and the code that they lead to. */
function places({ bytes, tables }: Sample): fc.Arbitrary<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headers = Number(view.getBigUint64(40, true));
  return fc.oneof(
    fc.nat(64 + 4 * 56),
    fc.integer({ min: headers, max: bytes.length - 1 }),
    ...tables.map(({ offset, size }) => fc.integer({ min: offset, max: offset + size - 1 })),
    fc.integer({ min: 0x1000, max: 0x1a00 }),
  );
}

const damaged = fc.constantFrom(...guests).chain((sample) =>
  fc
    .array(
      fc.tuple(
        places(sample),
        fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x10, 0x7f, 0x80, 0xff)),
      ),
      { minLength: 1, maxLength: 10 },
    )
    .map((changes) => {
      const bytes = sample.bytes.slice();
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    }),
);

/** Words that descriptors and tables are filled with: edges of everything. */
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 0x7fff_ffff_f000n, 0x7fff_ffff_efffn),
  fc.bigInt({ min: 0x40_0000n, max: 0x40_4000n }),
);

const overwritten = fc.constantFrom(...guests).chain(({ bytes, tables }) =>
  fc
    .array(
      fc.tuple(
        fc.oneof(...tables.map((table) => fc.tuple(fc.constant(table), fc.nat(table.size)))),
        word,
      ),
      { minLength: 1, maxLength: 8 },
    )
    .map((changes) => {
      const copy = bytes.slice();
      const view = new DataView(copy.buffer);
      for (const [[{ offset, size }, at], value] of changes) {
        view.setBigUint64(offset + Math.min(Math.floor(at / 8) * 8, size - 8), value, true);
      }
      return copy;
    }),
);

describe('whatever the bytes', () => {
  test('a damaged file gives findings or one clear line', () => {
    fc.assert(
      fc.property(damaged, fc.constantFrom(...KERNELS), (bytes, kernel) => {
        survives(() => checkAll(parseObject('damaged', bytes), kernel));
      }),
      { numRuns: 400 },
    );
  });

  test('descriptors of any content give findings', () => {
    fc.assert(
      fc.property(overwritten, fc.constantFrom(...KERNELS), (bytes, kernel) => {
        checkAll(parseObject('overwritten', bytes), kernel);
      }),
      { numRuns: 400 },
    );
  });

  test('a file cut at any length is refused, or checked as far as it goes', () => {
    for (const { bytes } of guests) {
      for (let length = 0; length < bytes.length; length += 37) {
        survives(() => checkAll(parseObject('cut', bytes.subarray(0, length)), KERNELS[0]));
      }
    }
  });

  describe.each([
    ['a relocatable object', ['-c']],
    ['a shared object', ['-shared', '-fPIC', '-nostdlib']],
  ])('%s', (_, options) => {
    test('gives findings or one clear line when damaged', async (context) => {
      const path = await compileSections(context, TWO_SECTIONS, options);
      const sound = new Uint8Array(readFileSync(path));
      const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
          const bytes = sound.slice();
          for (const [at, value] of changes) bytes[at] = value;
          survives(() => checkAll(parseObject('damaged', bytes), KERNELS[0]));
        }),
        { numRuns: 300 },
      );
    });
  });
});
