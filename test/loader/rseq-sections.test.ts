import { describe, expect, test } from 'vitest';
import { parseElf } from '../../emulator/loader/elf.ts';
import { describedSections } from '../../emulator/loader/rseq-exit-points.ts';
import { rseqDescriptorAddresses } from '../../emulator/loader/rseq-sections.ts';
import { buildElf, type ElfSpec, words } from './elf-bytes.ts';
import { SAMPLE, sampleProgram, sampleSpec } from './sample-program.ts';

const BASE = 0x40_0000;

function descriptorsOf(spec: ElfSpec) {
  return rseqDescriptorAddresses(parseElf('sample', buildElf(spec)).image);
}

function without(spec: ElfSpec, ...names: readonly string[]): ElfSpec {
  return { ...spec, sections: spec.sections.filter(({ name }) => !names.includes(name)) };
}

function withBytes(spec: ElfSpec, address: number, bytes: Uint8Array): ElfSpec {
  return { ...spec, contents: [...spec.contents, { offset: address - 0x1000, bytes }] };
}

function resized(spec: ElfSpec, name: string, size: number): ElfSpec {
  const sections = spec.sections.map((s) => (s.name === name ? { ...s, size } : s));
  return { ...spec, sections };
}

describe('the descriptors of a program', () => {
  test.each([false, true])('come from the pointer array (PIE: %s)', (pie) => {
    const { image } = parseElf('sample', sampleProgram(pie));
    expect(rseqDescriptorAddresses(image)).toEqual({
      addresses: [(pie ? image.loadBias : BASE) + SAMPLE.descriptor],
    });
  });

  test.each([false, true])('are looked for without that array, past padding (PIE: %s)', (pie) => {
    const { image } = parseElf('s', buildElf(without(sampleSpec(pie), '__rseq_cs_ptr_array')));
    expect(rseqDescriptorAddresses(image)).toEqual({
      addresses: [(pie ? image.loadBias : BASE) + SAMPLE.descriptor],
    });
  });

  test('are found where only relocations tell them from padding', () => {
    const empty = withBytes(sampleSpec(true), SAMPLE.descriptor + 16, words(0));
    const { image } = parseElf('pie', buildElf(without(empty, '__rseq_cs_ptr_array')));
    expect(rseqDescriptorAddresses(image).addresses).toEqual([image.loadBias + SAMPLE.descriptor]);
  });

  test('keep the order and duplicates of the array', () => {
    const pointers = [SAMPLE.descriptor, SAMPLE.data, SAMPLE.descriptor].map((at) => BASE + at);
    const spec = resized(sampleSpec(), '__rseq_cs_ptr_array', 24);
    const { addresses } = descriptorsOf(withBytes(spec, SAMPLE.pointers, words(...pointers)));
    expect(addresses).toEqual(pointers);
  });

  test('of packed relocations are the words in place, shifted', () => {
    const spec = without(sampleSpec(true), '.rela.dyn');
    const { image } = parseElf(
      'pie',
      buildElf(withBytes(spec, SAMPLE.pointers, words(SAMPLE.descriptor))),
    );
    expect(rseqDescriptorAddresses(image).addresses).toEqual([image.loadBias + SAMPLE.descriptor]);
  });

  test('are none without the sections, with no warning', () => {
    const spec = without(sampleSpec(), '__rseq_cs_ptr_array', '__rseq_cs');
    expect(descriptorsOf(spec)).toEqual({ addresses: [] });
  });
});

describe('the exits of a program', () => {
  const exits = (size: number): ElfSpec => {
    const spec = sampleSpec();
    const [pointers] = spec.sections.filter(({ name }) => name === '__rseq_cs_ptr_array');
    if (pointers === undefined) throw new Error('the sample has that section');
    return { ...spec, sections: [...spec.sections, { ...pointers, name: EXITS, size }] };
  };
  const EXITS = '__rseq_exit_point_array';

  test.each([
    [
      'half a pair',
      exits(8),
      /^section __rseq_exit_point_array is damaged: it ends in half a pair$/,
    ],
    [
      'a place outside',
      exits(2 ** 40),
      /^section __rseq_exit_point_array is damaged: it lies outside/,
    ],
  ])('with %s are left out with a warning', (_, spec, warning) => {
    const { sections, warnings } = describedSections(parseElf('sample', buildElf(spec)).image);
    expect(sections).toHaveLength(1);
    expect(sections[0]?.exits).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });
});

describe('a damaged table', () => {
  const array = '__rseq_cs_ptr_array';
  const moved = (address: number): ElfSpec => {
    const spec = sampleSpec();
    const sections = spec.sections.map((s) => (s.name === array ? { ...s, address } : s));
    return { ...spec, sections };
  };

  test.each<[string, ElfSpec, RegExp]>([
    ['with half a pointer', resized(sampleSpec(), array, 12), /half a pointer/],
    [
      'with a null pointer',
      withBytes(sampleSpec(), SAMPLE.pointers, words(0)),
      /at 0x401340 points/,
    ],
    [
      'with a wild pointer',
      withBytes(sampleSpec(), SAMPLE.pointers, words(-1n & 0xffff_ffff_ffff_ffffn)),
      /at 0x401340 points outside/,
    ],
    [
      'whose descriptor ends outside',
      withBytes(sampleSpec(), SAMPLE.pointers, words(0x40_3ff8)),
      /points outside the program/,
    ],
    ['that is not loaded', moved(0x60_0000), /lies outside the program/],
    ['at an absurd address', moved(2 ** 63), /lies outside the program/],
    [
      'without bytes',
      {
        ...sampleSpec(),
        sections: sampleSpec().sections.map((s) => (s.name === array ? { ...s, type: 8 } : s)),
      },
      /lies outside/,
    ],
    [
      'of descriptors that point to no code',
      without(withBytes(sampleSpec(), SAMPLE.descriptor, words(0, 0x40_1300)), array),
      /no descriptor at 0x401320/,
    ],
  ])('%s gives a warning and no address', (_, spec, warning) => {
    const result = descriptorsOf(spec);
    expect(result.addresses).toEqual([]);
    expect(result.warning).toMatch(warning);
  });
});
