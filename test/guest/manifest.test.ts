import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RULES } from '../../emulator/validate/rules/registry.ts';
import { PROFILE_NAMES } from '../../kernel-model/rseq/registry.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import { guestDir, isSchemeGuest, isUnprotected, readManifest } from './guest-files.ts';

const manifest = await readManifest();

describe('the manifest', () => {
  test('has the hash of each compiled file', async () => {
    const { guests, kernelGuests, ruleGuests, ruleRuns } = manifest;
    for (const { files } of [guests, kernelGuests, ruleGuests, ruleRuns].flat()) {
      for (const { path, sha256 } of [files.bin, files.elf]) {
        const content = await readFile(join(guestDir, path));
        expect(createHash('sha256').update(content).digest('hex'), path).toBe(sha256);
      }
    }
  });

  test('lists every compiled file once, and every program of the folder', async () => {
    const everything = (await readdir(guestDir, { recursive: true })).toSorted();
    const present = everything.filter((name) => !/^(kernel|rules|bugs)\//.test(name));
    const compiled = present.filter((name) => /\.(bin|elf)$/.test(name));
    const listed = manifest.guests.flatMap(({ files }) => [files.bin.path, files.elf.path]);
    expect(listed.toSorted()).toEqual(compiled);
    const sources = new Set(manifest.guests.map(({ source }) => source));
    const programs = present.filter((name) => /^(abi\/)?[^/]*\.c$/.test(name));
    expect([...sources].toSorted()).toEqual(programs);
  });

  test('lists every program of kernel/, with outcomes of kernels that there are', async () => {
    const present = (await readdir(join(guestDir, 'kernel'))).map((name) => join('kernel', name));
    const listed = manifest.kernelGuests.flatMap(({ source, files }) => [
      source,
      files.bin.path,
      files.elf.path,
    ]);
    expect(listed.toSorted()).toEqual(present.toSorted());
    for (const { outcomes } of manifest.kernelGuests) {
      for (const kernel of Object.keys(outcomes)) expect(findProfile(kernel)).toBeDefined();
    }
  });

  test('lists every program of rules/run/, with rules that there are', async () => {
    const folder = join('rules', 'run');
    const present = (await readdir(join(guestDir, folder))).map((name) => join(folder, name));
    const listed = manifest.ruleRuns.flatMap(({ source, files }) => [
      source,
      files.bin.path,
      files.elf.path,
    ]);
    expect([...new Set(listed)].toSorted()).toEqual(present.toSorted());
    for (const { name, settings, findings } of manifest.ruleRuns) {
      expect(findProfile(settings.kernel), name).toBeDefined();
      for (const rule of findings) expect(Object.keys(RULES)).toContain(rule);
    }
  });

  test('expects success of a protected guest and a failing seed of an unprotected one', () => {
    for (const guest of manifest.guests) {
      const kind = isUnprotected(guest) ? 'some-seed-fails' : 'exit';
      expect(guest.expected.kind, guest.name).toBe(kind);
    }
    const plain = manifest.guests.filter((guest) => !isSchemeGuest(guest));
    expect(plain.filter(isUnprotected)).toHaveLength(plain.length / 2);
    const schemes = new Set(manifest.guests.filter(isSchemeGuest).map(({ defines }) => defines[0]));
    const broken = manifest.guests.filter((guest) => isSchemeGuest(guest) && isUnprotected(guest));
    expect(new Set(broken.map(({ defines }) => defines[0]))).toEqual(schemes);
  });

  test('names a profile for the guests of each scheme but mainline', () => {
    for (const { name, kernel } of manifest.guests.filter(isSchemeGuest)) {
      const scheme = PROFILE_NAMES.find((profile) => name.startsWith(`abi/${profile}-`));
      expect(kernel, name).toBe(scheme);
      expect(name.startsWith('abi/mainline-')).toBe(kernel === undefined);
    }
  });
});
