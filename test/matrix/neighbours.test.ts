import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { KernelGuest, ManifestGuest } from '../../scripts/guests.ts';
import { readManifest } from '../guest/guest-files.ts';
import { runGuest } from '../support/guest-runs.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const MAX_INSTRUCTIONS = 5_000_000;
const SETTINGS = [1, 2].flatMap((cpus) => [1, 2, 3].map((seed) => ({ cpus, seed, tick: 50 })));

const { guests, kernelGuests } = await readManifest();

/** What may tell two kernels apart: a workload of either scheme, or what asks kernels of one. */
function candidatesFor(
  a: KernelProfile,
  b: KernelProfile,
): readonly (ManifestGuest | KernelGuest)[] {
  const names = a.scheme === b.scheme ? ['counter'] : schemeCounters(a, b);
  return [...(a.scheme === b.scheme ? kernelGuests : []), ...guests.filter(isIn(names))];
}

function schemeCounters(...profiles: readonly KernelProfile[]): string[] {
  return profiles.map(({ scheme }) => `abi/${scheme}-counter`);
}

function isIn(names: readonly string[]) {
  return ({ name }: ManifestGuest) => names.includes(name);
}

/** Kernels and those next to them: one kept as a regression is next to what it is a regression of. */
const ALL = Object.values<KernelProfile>(PROFILES);
const SOUND = ALL.filter(({ lostEvents }) => lostEvents === undefined);
const BROKEN = ALL.filter(({ lostEvents }) => lostEvents !== undefined);
const PAIRS = [
  ...SOUND.slice(1).map((profile, i) => [SOUND[i], profile] as const),
  ...BROKEN.map(
    (profile) => [SOUND.find((it) => it.release === profile.release), profile] as const,
  ),
].flatMap(([a, b]) => (a === undefined ? [] : [{ a, b }]));

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

/**
 * How the runs of a guest end, each as a program and its caller see it; `undefined` where the model
 * cannot say.
 */
function endingsOf(guest: ManifestGuest | KernelGuest, profile: KernelProfile) {
  const endings = SETTINGS.map((setting) => {
    const run = { guest: guest.files.bin.path, args: guest.args, profile, ...setting };
    const { outcome, stdout } = runGuest(machine, { ...run, maxInstructions: MAX_INSTRUCTIONS });
    if (outcome.kind === 'exit') return `exit ${outcome.status}: ${stdout}`;
    return outcome.kind === 'signal' ? `signal ${outcome.signal}: ${stdout}` : undefined;
  });
  return endings.includes(undefined) ? undefined : [...new Set(endings)].toSorted();
}

describe('a guest tells', () => {
  test('every kernel from another', () => {
    expect(new Set(PAIRS.flatMap(({ a, b }) => [a, b])).size).toBe(ALL.length);
  });

  test.each(PAIRS.map((pair) => [pair.a.name, pair.b.name, pair] as const))(
    '%s from %s',
    (_, __, { a, b }) => {
      const telling = candidatesFor(a, b).find((guest) => {
        const [one, other] = [endingsOf(guest, a), endingsOf(guest, b)];
        return one !== undefined && other !== undefined && `${one}` !== `${other}`;
      });
      expect(telling, 'the same endings under both, with every guest').toBeDefined();
    },
  );
});
