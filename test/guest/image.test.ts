import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ElfSection, readElf } from './elf-file.ts';
import { guestDir, readManifest } from './guest-files.ts';

const imageAddress = 0x400000;
const pageBytes = 4096;

const manifest = await readManifest();

/** Numbers of the pages that the sections touch. */
function pagesOf(sections: readonly ElfSection[]): Set<number> {
  const pages = new Set<number>();
  for (const { address, content } of sections) {
    const firstPage = Math.floor(address / pageBytes);
    const endPage = Math.ceil((address + content.length) / pageBytes);
    for (let page = firstPage; page < endPage; page += 1) {
      pages.add(page);
    }
  }
  return pages;
}

describe.each(manifest.guests.map((guest) => [guest.name, guest.files] as const))(
  '%s',
  (_name, files) => {
    test('begins with its entry', async () => {
      const elf = await readElf(join(guestDir, files.elf.path));
      expect(elf.entry).toBe(imageAddress);
      expect(elf.symbols.get('_start')).toBe(imageAddress);
      expect(elf.symbols.has('main')).toBe(true);
    });

    test('is the same image in both forms, .bss included', async () => {
      const elf = await readElf(join(guestDir, files.elf.path));
      const bin = await readFile(join(guestDir, files.bin.path));
      const ends = elf.sections.map(({ address, content }) => address + content.length);
      expect(bin.length).toBe(Math.max(...ends) - imageAddress);
      const bss = elf.sections.find(({ name }) => name === '.bss');
      expect(bss?.occupiesFile).toBe(false);
      for (const { name, address, content } of elf.sections) {
        const start = address - imageAddress;
        expect(bin.subarray(start, start + content.length).equals(content), name).toBe(true);
      }
    });

    test('keeps code and data on pages of their own and no segment both W and X', async () => {
      const elf = await readElf(join(guestDir, files.elf.path));
      const code = pagesOf(elf.sections.filter(({ executable }) => executable));
      const data = pagesOf(elf.sections.filter(({ writable }) => writable));
      expect(code.size).toBeGreaterThan(0);
      expect(data.size).toBeGreaterThan(0);
      expect([...code].filter((page) => data.has(page))).toEqual([]);
      for (const segment of elf.segments) {
        expect(segment.address % pageBytes).toBe(0);
        expect(segment.writable && segment.executable).toBe(false);
      }
    });

    test('is small', async () => {
      const bin = await readFile(join(guestDir, files.bin.path));
      expect(bin.length).toBeLessThan(64 * 1024);
    });
  },
);
