import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import { initialMemory, sectionBytes } from '../../emulator/loader/image.ts';
import {
  buildElf,
  type ElfSpec,
  patched,
  programHeaderField,
  type SegmentSpec,
} from './elf-bytes.ts';
import { DATA, SAMPLE, sampleProgram, sampleSpec } from './sample-program.ts';

const PIE_BASE = 0x5555_5555_4000;

describe('a fixed program', () => {
  const file = sampleProgram();
  const { image, warnings } = parseElf('some/where/sample.elf', file);

  test('is described from its header', () => {
    expect(warnings).toEqual([]);
    expect(image).toMatchObject({
      path: 'some/where/sample.elf',
      baseName: 'sample.elf',
      format: 'elf',
      sha256: createHash('sha256').update(file).digest('hex'),
      entry: 0x40_0200,
      loadBias: 0,
      programHeaders: { address: 0x40_0040, entrySize: 56, count: 3 },
      breakStart: 0x40_4000,
    });
  });

  test('is mapped in whole pages with the file around each segment', () => {
    const [text, data, ...rest] = image.segments;
    expect(rest).toEqual([]);
    expect(text).toMatchObject({ address: 0x40_0000, memorySize: 0x1000, protection: 5 });
    expect(data).toMatchObject({ address: 0x40_1000, memorySize: 0x3000, protection: 3 });
    expect([text?.name, data?.name]).toEqual(['text', 'data']);
    // Text has no zero-fill, so the rest of its page shows the file; so does what precedes data.
    expect(Buffer.from(text?.bytes ?? [])).toEqual(Buffer.from(file.subarray(0, 0x1000)));
    expect(Buffer.from(data?.bytes ?? [])).toEqual(Buffer.from(file.subarray(0, 0x380)));
  });

  test('has zeros behind the file part of data', () => {
    const around = initialMemory(image.segments, 0x40_137e, 4);
    expect([...(around ?? [])]).toEqual([0xdd, 0xdd, 0, 0]);
    expect(initialMemory(image.segments, 0x40_3fff, 1)).toEqual(new Uint8Array(1));
    expect(initialMemory(image.segments, 0x40_3fff, 2)).toBeUndefined();
    expect(initialMemory(image.segments, 0x3f_ffff, 1)).toBeUndefined();
  });

  test('lists its sections with their bytes', () => {
    expect(image.sections.map(({ name }) => name)).toEqual([
      '.text',
      '__rseq_failure',
      '__rseq_cs',
      '__rseq_cs_ptr_array',
      '.data',
      '.bss',
      '.comment',
      '.symtab',
      '.strtab',
      '.shstrtab',
    ]);
    expect(image.sections[0]).toMatchObject({ address: 0x40_0200, size: 0xc0, offset: 0x200 });
    expect(sectionBytes(image, '.data')).toEqual(file.subarray(0x348, 0x380));
    expect(sectionBytes(image, '.bss')).toEqual(new Uint8Array(0));
    expect(image.sections.find(({ name }) => name === '.bss')?.size).toBe(0x1f80);
    expect(sectionBytes(image, '.none')).toBeUndefined();
  });
});

describe('a static-PIE program', () => {
  test('goes where Linux puts programs without randomisation', () => {
    const { image } = parseElf('pie', sampleProgram(true));
    expect(image).toMatchObject({
      entry: PIE_BASE + 0x200,
      loadBias: PIE_BASE,
      programHeaders: { address: PIE_BASE + 0x40 },
      breakStart: PIE_BASE + 0x4000,
    });
    expect(image.segments.map(({ address }) => address)).toEqual([PIE_BASE, PIE_BASE + 0x1000]);
    expect(image.sections[0]?.address).toBe(PIE_BASE + SAMPLE.code);
    expect(image.sections.find(({ name }) => name === '.comment')?.address).toBe(0);
  });

  test('keeps the largest alignment of its segments', () => {
    const at = programHeaderField(DATA, 48);
    const aligned = patched(sampleProgram(true), { at, width: 8, value: 0x20_0000n });
    expect(parseElf('pie', aligned).image.loadBias).toBe(0x5555_5540_0000);
    const odd = patched(sampleProgram(true), { at, width: 8, value: 0x1234n });
    expect(parseElf('pie', odd).image.loadBias).toBe(PIE_BASE);
  });

  test('that was linked for another address is moved there, too', () => {
    const spec = sampleSpec(false);
    const { image } = parseElf('pie', buildElf({ ...spec, type: 3 }));
    expect(image.loadBias).toBe(PIE_BASE - 0x40_0000);
    expect(image.entry).toBe(PIE_BASE + 0x200);
  });
});

describe('segments', () => {
  const withData = (change: Partial<SegmentSpec>): ElfSpec => {
    const spec = sampleSpec();
    return {
      ...spec,
      segments: spec.segments.map((segment, index) =>
        index === DATA ? { ...segment, ...change } : segment,
      ),
    };
  };

  test('of writable data without zero-fill show the file to the end of the page', () => {
    const file = buildElf(withData({ memorySize: SAMPLE.dataFileBytes }));
    const data = parseElf('x', file).image.segments[1];
    expect(Buffer.from(data?.bytes ?? [])).toEqual(Buffer.from(file.subarray(0, 0x1000)));
    expect(data?.memorySize).toBe(0x1000);
  });

  test('of pure zero-fill take no bytes, wherever their offset points', () => {
    const file = buildElf(withData({ fileSize: 0, memorySize: 0x1_0000_0000, offset: 0x7_0001 }));
    const data = parseElf('x', file).image.segments[1];
    expect(data?.bytes.length).toBe(0);
    expect(data?.memorySize).toBe(0x1_0000_1000);
  });

  test('that are empty are left out, and order does not matter', () => {
    const spec = withData({});
    const { segments } = parseElf(
      'x',
      buildElf({
        ...spec,
        segments: [
          ...spec.segments.toReversed(),
          { type: 1, flags: 4, address: 0x50_0000, offset: 0 },
        ],
      }),
    ).image;
    expect(segments.map(({ address }) => address)).toEqual([0x40_0000, 0x40_1000]);
  });

  test('that both hold the program headers give AT_PHDR the last place, as in Linux', () => {
    const spec = sampleSpec();
    const again = { type: 1, flags: 4, offset: 0, address: 0x50_0000, fileSize: 0x100 };
    const { image } = parseElf('x', buildElf({ ...spec, segments: [...spec.segments, again] }));
    expect(image.programHeaders?.address).toBe(0x50_0040);
  });

  test('without the program headers give AT_PHDR the load bias, as in Linux', () => {
    const spec = sampleSpec();
    const [text, ...others] = spec.segments;
    const moved = {
      ...text,
      type: 1,
      flags: 5,
      offset: 0x200,
      address: 0x40_0200,
      fileSize: 0x100,
    };
    const { image } = parseElf('x', buildElf({ ...spec, segments: [moved, ...others] }));
    expect(image.programHeaders?.address).toBe(0);
  });
});
