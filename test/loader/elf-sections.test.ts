import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import { patched } from './elf-bytes.ts';
import { sampleProgram } from './sample-program.ts';

describe('damaged section headers', () => {
  test.each<[string, (file: Uint8Array) => Uint8Array, RegExp, number]>([
    ['cut off', (f) => f.subarray(0, f.length - 1), /behind the end of the file/, 0],
    ['far away', (f) => patched(f, { at: 40, width: 8, value: 1n << 62n }), /behind the end/, 0],
    ['of another size', (f) => patched(f, { at: 58, width: 2, value: 40n }), /of 40 bytes/, 0],
    [
      'that point outside',
      (f) => patched(f, { at: textSection(f) + 32, width: 8, value: 1n << 60n }),
      /1 of 11 sections/,
      10,
    ],
  ])('%s are a warning, as Linux ignores them', (_, damage, warning, sections) => {
    const { image, warnings } = parseElf('prog', damage(sampleProgram()));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(warning);
    expect(image.sections).toHaveLength(sections);
    expect(image.segments).toHaveLength(2);
  });

  function textSection(file: Uint8Array): number {
    return Number(Buffer.from(file).readBigUInt64LE(40)) + 64;
  }

  test('left out altogether need no warning', () => {
    const { image, warnings } = parseElf(
      'prog',
      patched(sampleProgram(), { at: 40, width: 8, value: 0n }),
    );
    expect(warnings).toEqual([]);
    expect(image.sections).toEqual([]);
    expect(image.symbols.format(0x40_0200)).toBe('0x400200');
  });

  test('in extended numbering are found through the null section', () => {
    const file = sampleProgram();
    const table = Number(Buffer.from(file).readBigUInt64LE(40));
    const count = BigInt(Buffer.from(file).readUInt16LE(60));
    const extended = patched(
      file,
      { at: 60, width: 2, value: 0n },
      { at: 62, width: 2, value: 0xffffn },
      { at: table + 32, width: 8, value: count },
      { at: table + 40, width: 4, value: count - 1n },
    );
    expect(parseElf('prog', extended)).toMatchObject({ warnings: [] });
    expect(parseElf('prog', extended).image.sections.map(({ name }) => name)).toContain('.bss');
  });
});
