import { beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ManifestGuest } from '../../scripts/guests.ts';
import { isSchemeGuest, isUnprotected, readManifest } from '../guest/guest-files.ts';
import { runGuest } from '../support/guest-runs.ts';
import { matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const settings = [1, 2, 8].flatMap((cpus) =>
  [1, 3, 7, 50, 1000].flatMap((tick) => seeds.map((seed) => ({ cpus, tick, seed }))),
);
const guests = (await readManifest()).guests.filter(isSchemeGuest);
const cases = guests
  .filter((guest) => !isUnprotected(guest))
  .flatMap((guest) =>
    (['bin', 'elf'] as const).flatMap((form) =>
      settings
        .filter(({ seed }) => form === 'bin' || seed === 1)
        .map((setting) => ({ guest, form, setting })),
    ),
  );

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

function profileOf({ kernel = 'linux-6.18' }: ManifestGuest): KernelProfile {
  const profile = Object.values<KernelProfile>(PROFILES).find(({ name }) => name === kernel);
  if (profile === undefined) throw new Error(`there is no profile ${kernel}`);
  return profile;
}

describe('every workload under its own scheme', () => {
  for (const { guest, form, setting } of matrixCases(cases, 108)) {
    const { cpus, tick, seed } = setting;
    const file = guest.files[form].path;
    it(`${file} loses nothing: --cpus ${cpus} --tick ${tick} --seed ${seed}`, () => {
      const profile = profileOf(guest);
      const run = { guest: file, args: guest.args, profile, maxInstructions: 3_000_000 };
      const result = runGuest(machine, { ...run, ...setting });
      expect(result.outcome).toEqual({ kind: 'exit', status: 0 });
      if (guest.expected.kind === 'exit') expect(result.stdout).toBe(guest.expected.stdout);
      const { entered, committed, aborted, exited } = machine.sections.counts;
      expect(committed + aborted + exited).toBe(entered);
      if (!guest.source.includes('counter')) return;
      const isTold = profile.name !== 'getcpu-cache' && profile.name !== 'thread-local-abi';
      expect(committed).toBe(isTold ? 400 : 0);
    });
  }
});

describe('what makes a scheme sound', () => {
  it.each(guests.filter(isUnprotected).map((guest) => [guest.name, guest] as const))(
    '%s loses an update with some seed',
    (_, guest) => {
      const outcomes = [7, 50].flatMap((tick) =>
        seeds.map((seed) => {
          const file = guest.files.bin.path;
          const setting = { cpus: 2, tick, seed, profile: profileOf(guest) };
          return runGuest(machine, { guest: file, args: guest.args, ...setting }).outcome;
        }),
      );
      expect(outcomes).toContainEqual({ kind: 'exit', status: 1 });
    },
  );
});
