import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import { guestDir, isUnprotected, readManifest } from './guest-files.ts';

const manifest = await readManifest();

describe('the manifest', () => {
  test('has the hash of each compiled file', async () => {
    for (const { files } of [...manifest.guests, ...manifest.kernelGuests]) {
      for (const { path, sha256 } of [files.bin, files.elf]) {
        const content = await readFile(join(guestDir, path));
        expect(createHash('sha256').update(content).digest('hex'), path).toBe(sha256);
      }
    }
  });

  test('lists every compiled file once, and every program of the folder', async () => {
    const present = (await readdir(guestDir)).toSorted();
    const compiled = present.filter((name) => /\.(bin|elf)$/.test(name));
    const listed = manifest.guests.flatMap(({ files }) => [files.bin.path, files.elf.path]);
    expect(listed.toSorted()).toEqual(compiled);
    const sources = new Set(manifest.guests.map(({ source }) => source));
    expect([...sources].toSorted()).toEqual(present.filter((name) => name.endsWith('.c')));
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

  test('expects success of a protected guest and a failing seed of an unprotected one', () => {
    for (const guest of manifest.guests) {
      const kind = isUnprotected(guest) ? 'some-seed-fails' : 'exit';
      expect(guest.expected.kind, guest.name).toBe(kind);
    }
    const unprotected = manifest.guests.filter(isUnprotected);
    expect(unprotected).toHaveLength(manifest.guests.length / 2);
  });
});
