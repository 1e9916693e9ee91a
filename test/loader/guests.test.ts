import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { initialMemory } from '../../emulator/loader/image.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import { rseqDescriptorAddresses } from '../../emulator/loader/rseq-sections.ts';

const guestFolder = join(import.meta.dirname, '..', '..', 'guest');
const names = readdirSync(guestFolder).flatMap((name) => /^(.*)\.bin$/.exec(name)?.[1] ?? []);

test('there are guests', () => {
  expect(names).toContain('counter');
});

describe.each(names)('guest %s', (name) => {
  const flat = loadProgram(join(guestFolder, `${name}.bin`));
  const elf = loadProgram(join(guestFolder, `${name}.elf`));

  test('loads in both forms without a warning', () => {
    expect(flat.warnings).toEqual([]);
    expect(elf.warnings).toEqual([]);
    expect([flat.image.format, elf.image.format]).toEqual(['flat', 'elf']);
    expect(flat.image.entry).toBe(elf.image.entry);
  });

  test('has the same memory in both forms', () => {
    const bytes = flat.image.segments[0]?.bytes ?? new Uint8Array(0);
    for (const { address, size, flags, type } of elf.image.sections) {
      if ((flags & 2) === 0) continue;
      const expected = initialMemory(elf.image.segments, address, size) ?? new Uint8Array(0);
      const offset = address - 0x40_0000;
      const inImage = bytes.subarray(offset, offset + size);
      expect([address, type, Buffer.compare(inImage, expected)]).toEqual([address, type, 0]);
    }
  });

  test('has the symbols and rseq descriptors of the ELF form', () => {
    expect(flat.image.symbols.format(flat.image.entry)).toBe('_start');
    expect(flat.image.symbols.find('main')).toBe(elf.image.symbols.find('main'));
    const descriptors = rseqDescriptorAddresses(flat.image);
    expect(descriptors).toEqual(rseqDescriptorAddresses(elf.image));
    expect(descriptors.warning).toBeUndefined();
    expect(descriptors.addresses.length).toBeGreaterThan(0);
  });
});
