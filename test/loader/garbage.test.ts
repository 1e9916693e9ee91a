import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import type { ProgramImage } from '../../emulator/loader/image.ts';
import { parseProgram } from '../../emulator/loader/parse.ts';
import { describedSections } from '../../emulator/loader/rseq-exit-points.ts';
import { readKeyTuples } from '../../emulator/loader/rseq-keys.ts';
import { rseqDescriptorAddresses } from '../../emulator/loader/rseq-sections.ts';
import { withSymbols } from '../../emulator/loader/separate-symbols.ts';
import { expectOneLine, survives } from './refusals.ts';
import { sampleProgram } from './sample-program.ts';

const samples = [sampleProgram(false), sampleProgram(true)];

/** Fields that matter are in the headers, so half of the changes go there. */
const change = (length: number) =>
  fc.record({
    at: fc.oneof(fc.nat(64 + 3 * 56), fc.nat(length - 1)),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 7, 0x7f, 0x80, 0xff)),
  });

const damagedSample = fc
  .constantFrom(...samples)
  .chain((sample) =>
    fc.tuple(fc.constant(sample), fc.array(change(sample.length), { minLength: 1, maxLength: 12 })),
  )
  .map(([sample, changes]) => {
    const bytes = sample.slice();
    for (const { at, value } of changes) bytes[at] = value;
    return bytes;
  });

/** Asks everything of an image that reads the file lazily. */
function exercise(image: ProgramImage): void {
  const { addresses, warning } = rseqDescriptorAddresses(image);
  if (warning !== undefined) {
    expectOneLine(warning);
    expect(addresses).toEqual([]);
  }
  describedSections(image).warnings.forEach(expectOneLine);
  readKeyTuples(image)?.problems.forEach(expectOneLine);
  image.symbols.find('count_up');
  for (const { address, memorySize, bytes } of image.segments) {
    expect(bytes.length).toBeLessThanOrEqual(memorySize);
    image.symbols.format(address + 0x238);
  }
  const viewed = [...image.segments, ...image.sections].map(({ bytes }) => bytes.buffer);
  expect(new Set(viewed.map(({ byteLength }) => byteLength)).size).toBeLessThanOrEqual(2);
}

describe('whatever the bytes', () => {
  test('a file cut at any length is refused, or runs with a warning', () => {
    for (const sample of samples) {
      for (let length = 0; length < sample.length; length++) {
        survives(() => {
          const { image, warnings } = parseProgram('cut', sample.subarray(0, length));
          expect(warnings).toHaveLength(1);
          warnings.forEach(expectOneLine);
          exercise(image);
        });
      }
    }
  });

  test('changed bytes are refused, or make an image', () => {
    let images = 0;
    fc.assert(
      fc.property(damagedSample, (bytes) => {
        survives(() => {
          const { image, warnings } = parseElf('changed', bytes);
          warnings.forEach(expectOneLine);
          exercise(image);
          images++;
        });
      }),
      { numRuns: 3000 },
    );
    expect(images).toBeGreaterThan(100);
  });

  test('changed symbol files are refused, or serve', () => {
    const { image } = parseElf('good', samples[0] ?? new Uint8Array(0));
    fc.assert(
      fc.property(damagedSample, (bytes) => {
        survives(() => exercise(withSymbols(image, 'changed', bytes)));
      }),
      { numRuns: 1000 },
    );
  });

  test('garbage is refused', () => {
    const garbage = fc.uint8Array({ maxLength: 300 });
    const afterMagic = garbage.map((bytes) =>
      Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...new Uint8Array(9), 2, 0, 62, 0, ...bytes),
    );
    fc.assert(
      fc.property(fc.oneof(garbage, afterMagic), fc.string(), (bytes, path) => {
        fc.pre(!path.endsWith('.bin'));
        survives(() => parseProgram(path, bytes));
      }),
      { numRuns: 1000 },
    );
  });

  test('every byte is a flat image', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 9000 }), (bytes) => {
        const { image } = parseProgram('any', bytes, 'flat');
        expect(image.segments).toMatchObject([{ address: 0x40_0000, bytes, protection: 7 }]);
        expect(image.breakStart).toBe(0x40_0000 + Math.ceil(bytes.length / 4096) * 4096);
      }),
    );
  });
});
