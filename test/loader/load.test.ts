import { chmod, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadProgram } from '../../emulator/loader/load.ts';
import { patched } from './elf-bytes.ts';
import { temporaryFolder } from './files.ts';
import { expectOneLine, refusalOf } from './refusals.ts';
import { SAMPLE, sampleProgram } from './sample-program.ts';

const NOBODY = 65534;
const sample = sampleProgram();
/** The sections of the sample at their places, without its headers, as `objcopy -O binary` does. */
const flat = new Uint8Array(0x1380);
flat.set(sample.subarray(SAMPLE.code, SAMPLE.code + SAMPLE.codeBytes), SAMPLE.code);
flat.set(sample.subarray(SAMPLE.dataFileOffset, 0x380), SAMPLE.data);

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('a program file', () => {
  test('in ELF is loaded whatever its name', async () => {
    for (const name of ['sample', 'sample.bin']) {
      const path = await put(name, sample);
      const { image, warnings } = loadProgram(path);
      expect(warnings).toEqual([]);
      expect(image).toMatchObject({ path, baseName: name, format: 'elf', entry: 0x40_0200 });
    }
  });

  test('named .bin is a flat image', async () => {
    const { image, warnings } = loadProgram(await put('counter.bin', flat));
    expect(warnings).toEqual([]);
    expect(image).toMatchObject({
      baseName: 'counter.bin',
      format: 'flat',
      entry: 0x40_0000,
      breakStart: 0x40_2000,
      loadBias: 0,
      sections: [],
      segments: [{ address: 0x40_0000, memorySize: 0x2000, protection: 7 }],
    });
    expect(image.programHeaders).toBeUndefined();
    expect(Buffer.from(image.segments[0]?.bytes ?? [])).toEqual(Buffer.from(flat));
    expect(image.symbols.format(0x40_0200)).toBe('0x400200');
  });

  test('is read as the caller says', async () => {
    const path = await put('image', flat);
    expect(loadProgram(path, { format: 'flat' }).image.format).toBe('flat');
    expect(loadProgram(await put('elf', sample), { format: 'flat' }).image.format).toBe('flat');
    const error = refusalOf(() => loadProgram(path, { format: 'elf' }));
    expect([error.code, error.message]).toEqual([
      'program-format',
      `${path}: not an ELF64 executable`,
    ]);
  });
});

describe('refused', () => {
  const reasonFor = (path: string, symbolsPath?: string) => {
    const { code, message } = refusalOf(() => loadProgram(path, { symbolsPath }));
    return { code, reason: message.replaceAll(`${folder}/`, '') };
  };

  test('a missing file', () => {
    expect(reasonFor(join(folder, 'none'))).toEqual({
      code: 'program-missing',
      reason: 'none: no such file',
    });
    expect(reasonFor('').code).toBe('program-missing');
  });

  test('a file below a file, and one with an impossible name', async () => {
    const path = await put('file', sample);
    expect(reasonFor(join(path, 'x')).code).toBe('program-missing');
    expect(reasonFor(join(folder, 'x'.repeat(300))).code).toBe('program-unreadable');
    expect(reasonFor('a\0b').code).toBe('program-unreadable');
    await symlink('loop', join(folder, 'loop'));
    expect(reasonFor(join(folder, 'loop'))).toMatchObject({
      reason: 'loop: too many symbolic links',
    });
  });

  test('a directory', async () => {
    await mkdir(join(folder, 'd.bin'));
    expect(reasonFor(join(folder, 'd.bin'))).toEqual({
      code: 'program-not-regular',
      reason: 'd.bin: a directory, not a program',
    });
  });

  test('what is no regular file, without waiting for it', async () => {
    await execa('mkfifo', [join(folder, 'fifo')]);
    for (const path of [join(folder, 'fifo'), '/dev/null', '/dev/zero']) {
      expect(reasonFor(path)).toMatchObject({
        code: 'program-not-regular',
        reason: expect.stringMatching(/: not a regular file$/),
      });
    }
  });

  test('an unreadable file', async () => {
    const path = await put('secret', sample);
    await chmod(path, 0);
    // Root may read every file, so for the moment of the test it must be somebody else.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      expect(reasonFor(path)).toEqual({
        code: 'program-unreadable',
        reason: 'secret: no permission to read it',
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('an empty file', async () => {
    for (const name of ['empty.bin', 'empty']) {
      const path = await put(name, new Uint8Array(0));
      expect(reasonFor(path)).toEqual({ code: 'program-empty', reason: `${name}: an empty file` });
    }
  });

  test('a file beyond the limit, unread', async () => {
    const path = await put('large.bin', flat);
    await truncate(path, 2 ** 30 + 1);
    expect(reasonFor(path)).toEqual({
      code: 'program-too-large',
      reason: 'large.bin: larger than 1 GiB',
    });
  });

  test('a file that is neither', async () => {
    const path = await put('script.sh', Buffer.from('#!/bin/sh\n'));
    expect(reasonFor(path)).toEqual({
      code: 'program-format',
      reason: 'script.sh: not an ELF64 executable or a flat image (.bin)',
    });
  });

  test('symbols that were asked for and cannot serve', async () => {
    const path = await put('counter.bin', flat);
    const refusedSymbols = async (name: string, bytes: Uint8Array) =>
      reasonFor(path, await put(name, bytes)).reason;
    expect(reasonFor(path, join(folder, 'none'))).toEqual({
      code: 'symbols-unusable',
      reason: 'no symbols from none: no such file',
    });
    expect(await refusedSymbols('text', Buffer.from('hello'))).toMatch(/text: not an ELF64 file/);
    expect(await refusedSymbols('cut', sample.subarray(0, sample.length - 8))).toMatch(
      /cut: section headers behind the end/,
    );
    const arm = patched(sample, { at: 18, width: 2, value: 183n });
    expect(await refusedSymbols('arm', arm)).toMatch(/no symbols from arm: a 64-bit AArch64/);
    const stripped = patched(sample, { at: 40, width: 8, value: 0n });
    expect(await refusedSymbols('stripped', stripped)).toMatch(/stripped: no symbol table/);
    const other = patched(sample, { at: SAMPLE.code + 3, width: 1, value: 0x90n });
    expect(await refusedSymbols('other', other)).toMatch(/other: its code is not that of/);
    const table = Number(Buffer.from(sample).readBigUInt64LE(40));
    const flagsOfCode = [1, 2].map(
      (i) => ({ at: table + i * 64 + 8, width: 8, value: 2n }) as const,
    );
    const data = patched(sample, ...flagsOfCode);
    expect(await refusedSymbols('data', data)).toMatch(/data: its code is not that of/);
    expect(await refusedSymbols('pie', sampleProgram(true))).toMatch(/its code is not that of/);
  });
});

describe('the symbols of a flat image', () => {
  test('come from the ELF file beside it, with its sections', async () => {
    const path = await put('counter.bin', flat);
    await put('counter.elf', sample);
    const { image, warnings } = loadProgram(path);
    expect(warnings).toEqual([]);
    expect(image.symbols.format(0x40_0221)).toBe('count_up+0x1');
    expect(image.sections.map(({ name }) => name)).toContain('__rseq_cs');
    expect(image.format).toBe('flat');
  });

  test('come from elsewhere if asked, and then the file beside it does not matter', async () => {
    const path = await put('counter.bin', flat);
    await put('counter.elf', Buffer.from('garbage'));
    const { image, warnings } = loadProgram(path, { symbolsPath: await put('s', sample) });
    expect(warnings).toEqual([]);
    expect(image.symbols.find('count_up')).toBe(0x40_0220);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['garbage', Buffer.from('garbage'), /not an ELF64 file/],
    ['an empty file', new Uint8Array(0), /not an ELF64 file/],
    ['a cut file', sample.subarray(0, 400), /section headers behind the end/],
    [
      'another build',
      patched(sample, { at: 0x2ff, width: 1, value: 1n }),
      /not that of the program/,
    ],
  ])('do not come from %s beside it: a warning', async (_, bytes, warning) => {
    const path = await put('counter.bin', flat);
    await put('counter.elf', bytes);
    const { image, warnings } = loadProgram(path);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(warning);
    expect(warnings[0]).toContain('counter.elf');
    warnings.forEach(expectOneLine);
    expect(image.symbols.find('count_up')).toBeUndefined();
    expect(image.sections).toEqual([]);
  });

  test('do not come from a directory beside it: a warning', async () => {
    const path = await put('counter.bin', flat);
    await mkdir(join(folder, 'counter.elf'));
    expect(loadProgram(path).warnings).toEqual([expect.stringContaining('a directory')]);
  });
});

describe('the symbols of an ELF file', () => {
  const stripped = patched(sample, { at: 40, width: 8, value: 0n });

  test('may come from an unstripped copy', async () => {
    const path = await put('stripped', stripped);
    const { image } = loadProgram(path, { symbolsPath: await put('full', sample) });
    expect(image.symbols.format(0x40_0200)).toBe('_start');
    expect(image.sections.length).toBeGreaterThan(5);
    expect(image.format).toBe('elf');
  });

  test('may come from a file that kept debug information only', async () => {
    const path = await put('stripped', stripped);
    const table = Number(Buffer.from(sample).readBigUInt64LE(40));
    const kinds = [1, 2].map(
      (index) => ({ at: table + index * 64 + 4, width: 4, value: 8n }) as const,
    );
    const symbolsPath = await put('debug', patched(sample, ...kinds));
    expect(loadProgram(path, { symbolsPath }).image.symbols.format(0x40_0200)).toBe('_start');
  });
});
