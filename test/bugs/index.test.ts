import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Decoder, DecoderOptions } from 'iced-x86';
import { describe, expect, test } from 'vitest';
import { type Bug, parseBugIndex } from '../../emulator/regress/bug-index.ts';
import { bugBuilds } from '../../scripts/guests/bug-guests.ts';
import { readElf } from '../guest/elf-file.ts';
import { guestDir } from '../guest/guest-files.ts';
import { bugs, twins } from './bug-files.ts';

const bugDir = join(guestDir, 'bugs');
const indexText = await readFile(join(bugDir, 'index.json'), 'utf8');

describe('the index of the seeded bugs', () => {
  test('has what the table says, and the hash of each compiled file', async () => {
    expect(bugs.map(({ buggy: _, fixed: __, ...build }) => build)).toEqual(bugBuilds);
    for (const { path, sha256 } of bugs.flatMap(filesOf)) {
      const content = await readFile(join(guestDir, path));
      expect(createHash('sha256').update(content).digest('hex'), path).toBe(sha256);
    }
  });

  test('lists every program and every compiled file of the folder once', async () => {
    const present = (await readdir(bugDir)).map((name) => `bugs/${name}`);
    const isCompiled = (name: string) => /\.(bin|elf)$/.test(name);
    expect(bugs.flatMap(filesOf).map(({ path }) => path)).toHaveLength(bugs.length * 4);
    expect(
      bugs
        .flatMap(filesOf)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(present.filter(isCompiled).toSorted());
    const programs = present.filter((name) => name.endsWith('.c'));
    expect(bugs.map(({ file }) => file).toSorted()).toEqual(programs.toSorted());
  });

  test('covers the made-up bugs S1 to S16 and the known ones, at least 24 in all', () => {
    const items = new Set(bugs.map(({ item }) => item));
    const known = [1, 2, 4, 7, 8, 10, 12, 13, 14, 16, 17, 19, 20].map((n) => `B${n}`);
    const madeUp = Array.from({ length: 16 }, (_, i) => `S${i + 1}`);
    expect([...items].toSorted()).toEqual([...known, ...madeUp].toSorted());
    expect(bugs.length).toBeGreaterThanOrEqual(24);
  });

  test('names signals exactly where some are needed, and one need an interruption', () => {
    for (const { id, signals, needs, interruptions } of bugs) {
      expect(signals.length > 0, id).toBe(needs.includes('signal'));
      expect(needs, id).toHaveLength(interruptions);
    }
  });

  test.each([
    ['no JSON', '{', /not JSON/],
    ['another schema', '{"schema":{"name":"x","version":1},"bugs":[]}', /schema\.name/],
    ['an unknown kernel', indexText.replace('linux-6.18', 'linux-0.1'), /no such kernel/],
    ['a missing field', indexText.replace('"title"', '"titel"'), /bugs\.0\.titel|bugs\.0\.title/],
  ])('is refused with %s', (_, text, message) => {
    expect(() => parseBugIndex('index.json', text)).toThrow(message);
  });
});

describe.each(bugs.map((bug) => [bug.id, bug] as const))('%s', (_, bug) => {
  test.each(twins)('marks an instruction of the %s program', async (twin) => {
    const elf = await readElf(join(guestDir, bug[twin].elf.path));
    const address = (elf.symbols.get(bug.faulty.symbol) ?? 0) + bug.faulty.offset;
    const code = elf.sections.find(
      ({ address: start, content, executable }) =>
        executable && address >= start && address < start + content.length,
    );
    expect(code?.name).toMatch(/^(\.text|__rseq_failure)$/);
    const bytes = code?.content.subarray(address - (code?.address ?? 0)) ?? Buffer.alloc(0);
    expect(new Decoder(64, bytes, DecoderOptions.None).decode().isInvalid).toBe(false);
  });

  test('differs from its twin, and says in its first lines what is wrong', async () => {
    expect(bug.buggy.bin.sha256).not.toBe(bug.fixed.bin.sha256);
    const source = await readFile(join(guestDir, bug.file), 'utf8');
    expect(source).toMatch(/^\/\*\n \* \S/);
  });
});

function filesOf({ buggy, fixed }: Bug) {
  return [buggy.bin, buggy.elf, fixed.bin, fixed.elf];
}
