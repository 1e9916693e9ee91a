import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadProgram } from '../../emulator/loader/load.ts';
import { readKeySections } from '../../emulator/stepping/key-sections.ts';
import { readElf } from './elf-file.ts';
import { guestDir } from './guest-files.ts';

const keyed = join(guestDir, 'abi', 'turner-v2-keyed');
const unkeyed = join(guestDir, 'abi', 'turner-v2-unkeyed');
const SHF_ALLOC = 2;

describe('a program marked by keys (claims C8, C10, C11, C12 of April 2016)', () => {
  test('has the same code and data as without them', async () => {
    const [a, b] = await Promise.all([readElf(`${keyed}.elf`), readElf(`${unkeyed}.elf`)]);
    const text = a.sections.find(({ name }) => name === '.text')?.content;
    expect(text?.length).toBeGreaterThan(0);
    expect(b.sections.find(({ name }) => name === '.text')?.content).toEqual(text);
    expect(b.sections).toEqual(a.sections);
    expect(await readFile(`${keyed}.bin`)).toEqual(await readFile(`${unkeyed}.bin`));
  });

  test('has its tuples in a section that is not loaded', () => {
    const sectionOf = (path: string) =>
      loadProgram(path).image.sections.find(({ name }) => name === '__rseq_keys');
    expect((sectionOf(`${keyed}.elf`)?.flags ?? SHF_ALLOC) & SHF_ALLOC).toBe(0);
    expect(sectionOf(`${unkeyed}.elf`)).toBeUndefined();
  });

  test.each(['elf', 'bin'])('lists several entries and exits of a key, and all (.%s)', (form) => {
    const read = readKeySections(loadProgram(`${keyed}.${form}`).image);
    expect(read?.problems).toEqual([]);
    const shapes = read?.sections.map(({ starts, exits }) => [starts.size, exits.size]);
    expect(shapes?.toSorted()).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });
});
