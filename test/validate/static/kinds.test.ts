import { copyFile, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, type TestContext, test } from 'vitest';
import { parseObject, readObject } from '../../../emulator/loader/object/read-object.ts';
import { checkFiles } from '../../../emulator/validate/static/check-files.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { temporaryFolder } from '../../loader/files.ts';
import { compileSections, TWO_SECTIONS } from './compiled-guest.ts';

/** Of the asm statement in add_two. */
const ARMED_LINE = TWO_SECTIONS.split('\n').findIndex((line) => line.includes('goto')) + 1;

const kernel = PROFILES['linux-6.18'];

/** How the same source is built, and what the file then is. */
const BUILDS = {
  'a relocatable object': { kind: 'relocatable', options: ['-c', '-fno-pic'] },
  'a relocatable object with a section a function': {
    kind: 'relocatable',
    options: ['-c', '-fPIC', '-ffunction-sections'],
  },
  'a shared object': { kind: 'shared-object', options: ['-shared', '-fPIC'] },
  'a dynamic executable': {
    kind: 'executable',
    options: ['-DWITH_MAIN', '-no-pie', '-fno-pie'],
  },
  'a position-independent executable': {
    kind: 'executable',
    options: ['-DWITH_MAIN', '-pie', '-fPIE'],
  },
  'a static executable': { kind: 'executable', options: ['-DWITH_MAIN', '-static', '-no-pie'] },
  'a static position-independent executable': {
    kind: 'executable',
    options: ['-DWITH_MAIN', '-static-pie', '-fPIE'],
  },
} as const;

describe.each(Object.entries(BUILDS))('%s', (_, { kind, options }) => {
  test('has both sections, and the finding at the function that never arms', async (context) => {
    const image = readObject(await compileSections(context, TWO_SECTIONS, options));
    expect(image.kind).toBe(kind);
    const { program, findings } = checkImage(image, { kernel });
    expect(program.sections).toHaveLength(2);
    expect(findings.map(({ rule, symbol }) => [rule, symbol.replace(/\+.*/, '')])).toEqual([
      ['R7', 'add_two'],
    ]);
  });

  test('brings the source lines of its debug information', async (context) => {
    const path = await compileSections(context, TWO_SECTIONS, [...options, '-g']);
    const { findings, files } = await checkFiles([path], {
      kernel,
      wants: () => true,
      suppressions: [],
    });
    expect(files.flatMap(({ notes }) => notes)).toEqual([]);
    const [finding] = findings;
    expect(basename(finding?.source?.file ?? '')).toBe('sections.c');
    expect(finding?.source?.line).toBe(ARMED_LINE);
  });
});

describe('a stripped file', () => {
  async function strip(context: TestContext, options: readonly string[], tool: string[]) {
    const path = await compileSections(context, TWO_SECTIONS, options);
    const [command = '', ...args] = tool;
    await execa(command, [...args, path]);
    return checkImage(readObject(path), { kernel });
  }

  test('without symbols is read by its sections', async (context) => {
    const options = ['-shared', '-fPIC', '-nostdlib'];
    const { program, findings } = await strip(context, options, ['strip', '--strip-all']);
    expect(program.sections).toHaveLength(2);
    // Without symbols the code before a section is a guess: nothing is said of what it lacks.
    expect(findings).toEqual([]);
  });

  describe.each(['-static', '-static-pie'])('%s, without section headers', (linked) => {
    test('is read by the looks of its descriptors', async (context) => {
      const options = ['-DWITH_MAIN', linked, linked === '-static' ? '-no-pie' : '-fPIE'];
      const image = readObject(await compileSections(context, TWO_SECTIONS, options));
      const { program } = checkImage(await withoutHeaders(image.path), { kernel });
      expect(program.sections).toHaveLength(2);
      expect(program.found.notes.join()).toContain('2 found by the looks of their descriptors');
    });
  });
});

/** The file with e_shoff, e_shnum and e_shstrndx set to 0, as sstrip leaves it. */
async function withoutHeaders(path: string) {
  const bytes = await readFile(path);
  bytes.fill(0, 40, 48);
  bytes.fill(0, 60, 64);
  return parseObject(path, bytes);
}

test('a flat image without its ELF file is read by the looks of its descriptors', async () => {
  const lonely = join(await temporaryFolder(), 'list.bin');
  await copyFile(join(guestDir, 'list.bin'), lonely);
  const image = readObject(lonely);
  expect(image.kind).toBe('flat');
  const { program, findings } = checkImage(image, { kernel });
  expect(program.sections).toHaveLength(2);
  expect(program.found.notes.join()).toContain('2 found by the looks');
  expect(findings).toEqual([]);
});
