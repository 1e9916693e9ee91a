import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, type TestContext, test } from 'vitest';
import type { ObjectImage } from '../../../emulator/loader/object/object-image.ts';
import { readObject } from '../../../emulator/loader/object/read-object.ts';
import { checkImage } from '../../../emulator/validate/static/check-image.ts';
import type { CriticalSection } from '../../../emulator/validate/static/critical-section.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { temporaryFolder } from '../../loader/files.ts';
import { isFullRun } from '../../support/matrix.ts';

const MINUTES = 60_000;
/** A server of 160 MB that nobody here built; tcmalloc is in it, inlined at many places. */
const REAL_PACKAGE = '@cloudflare/workerd-linux-64@1.20261117.1';
const REAL_FILE = 'package/bin/workerd';
const REAL_SECTIONS = 177;

const kernel = PROFILES['linux-6.18'];

/** Each must be seen; the rules are those that it may break, by what is around the section. */
const SPOILS: Readonly<Record<string, { rules: readonly string[]; spoil: Spoil }>> = {
  'the end a byte earlier': {
    rules: ['R6'],
    spoil: ({ u64 }, { descriptor, postCommitOffset }) =>
      u64(descriptor + 16, postCommitOffset - 1n),
  },
  'the start a byte later': {
    rules: ['R6', 'R16'],
    spoil: ({ u64 }, { descriptor, startIp }) => u64(descriptor + 8, startIp + 1n),
  },
  'the abort handler at the start': {
    rules: ['R4', 'R5'],
    spoil: ({ u64 }, { descriptor, startIp }) => u64(descriptor + 24, startIp),
  },
  'another version': {
    rules: ['R1'],
    spoil: ({ u64 }, { descriptor }) => u64(descriptor, 1n),
  },
};

type Spoil = (memory: { u64(address: number, value: bigint): void }, at: CriticalSection) => void;

/** The image with all sections spoilt. */
function spoilt(image: ObjectImage, sections: readonly CriticalSection[], spoil: Spoil) {
  const segments = image.segments.map((segment) => ({
    ...segment,
    bytes: Uint8Array.from(segment.bytes),
  }));
  const u64 = (address: number, value: bigint) => {
    const segment = segments.find(
      (each) => address >= each.address && address < each.address + each.bytes.length,
    );
    if (segment === undefined) throw new Error(`nothing is at ${address}`);
    const { buffer, byteOffset } = segment.bytes;
    new DataView(buffer, byteOffset).setBigUint64(address - segment.address, value, true);
  };
  for (const section of sections) spoil({ u64 }, section);
  return { ...image, segments };
}

/** Each section has a finding for each thing that is spoilt, and none as it is. */
function expectSpoilsSeen(image: ObjectImage, count: number): void {
  const { program, findings } = checkImage(image, { kernel });
  expect(findings).toEqual([]);
  expect(program.sections).toHaveLength(count);
  for (const [name, { rules, spoil }] of Object.entries(SPOILS)) {
    const found = checkImage(spoilt(image, program.sections, spoil), { kernel }).findings;
    const named = new Set(found.map(({ section }) => section?.descriptor));
    expect(named.size, name).toBe(count);
    for (const { rule } of found) expect(rules, name).toContain(rule);
  }
}

/** Fetched with the package manager's own client; skips the test where that cannot be. */
async function realProgram(context: TestContext): Promise<string> {
  const folder = await temporaryFolder();
  const options = { cwd: folder, reject: false, timeout: 5 * MINUTES } as const;
  const packed = await execa('npm', ['pack', '--silent', REAL_PACKAGE], options);
  context.skip(packed.failed, `${REAL_PACKAGE} cannot be fetched: ${packed.shortMessage}`);
  await execa('tar', ['-xzf', packed.stdout.trim(), REAL_FILE], { cwd: folder });
  return join(folder, REAL_FILE);
}

describe('a program with nothing wrong', () => {
  test('of our own: spoilt, each section is named', () => {
    expectSpoilsSeen(readObject(join(guestDir, 'counter.elf')), 1);
  });

  test.for(isFullRun ? [REAL_PACKAGE] : [])(
    'of others, %s: spoilt, each section is named',
    { timeout: 10 * MINUTES },
    async (_, context) => {
      const image = readObject(await realProgram(context));
      expectSpoilsSeen(image, REAL_SECTIONS);
      for (const profile of Object.values(PROFILES)) {
        if (profile.scheme !== 'mainline') continue;
        expect(checkImage(image, { kernel: profile }).findings, profile.name).toEqual([]);
      }
    },
  );
});
