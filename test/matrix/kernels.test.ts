import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { compareVersions, parseVersion } from '../../kernel-model/abi/linux-version.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { findProfile, resolveKernel } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { KernelGuest, KernelOutcome } from '../../scripts/guests.ts';
import { guestDir, readManifest } from '../guest/guest-files.ts';
import { whyNotNative } from '../guest/native.ts';
import { profileOfHost } from '../native/judge/host-kernel.ts';
import { type GuestRun, runGuest } from '../support/guest-runs.ts';
import { matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';
import { MAINLINE, SEEDS, settingsOn, settingToString } from './mainline/settings.ts';

/** `ids` needs slices that hold two sections: no forward progress is promised across them. */
const SHORTEST_TICK = 50;
const kernelGuestSettings = [1, 2, 8]
  .flatMap(settingsOn)
  .filter(({ tick }) => tick >= SHORTEST_TICK);
const MAX_INSTRUCTIONS = 5_000_000;
const SIGNAL_STATUS_BASE = 128;

const { kernelGuests } = await readManifest();
let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

/** How a run ended, in the words of the manifest. */
function outcomeOf(run: GuestRun): KernelOutcome {
  const { outcome, stdout } = runGuest(machine, { ...run, maxInstructions: MAX_INSTRUCTIONS });
  switch (outcome.kind) {
    case 'exit':
      return { kind: 'exit', status: outcome.status, stdout };
    case 'signal':
      return { kind: 'signal', signal: outcome.signal, stdout };
    default:
      throw new Error(`unexpected ${outcome.kind}`);
  }
}

describe('a guest whose outcome depends on the kernel ends as the manifest says:', () => {
  const pairs = kernelGuests.flatMap((guest) =>
    Object.entries(guest.outcomes).map(([kernel, expected]) => ({ guest, kernel, expected })),
  );
  const certain = pairs.flatMap(({ guest, kernel, expected }) =>
    expected.kind === 'some-seed-fails'
      ? []
      : kernelGuestSettings.map((setting) => ({ guest, kernel, expected, setting })),
  );
  for (const { guest, kernel, expected, setting } of matrixCases(certain, 36)) {
    it(`${guest.name} --kernel ${kernel} ${settingToString(setting)}`, () => {
      const { path } = guest.files.bin;
      const profile = findProfile(kernel);
      if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
      expect(outcomeOf({ guest: path, args: guest.args, profile, ...setting })).toEqual(expected);
    });
  }

  for (const { guest, kernel, expected } of pairs) {
    const { path } = guest.files.bin;
    const profile = findProfile(kernel);
    if (profile === undefined) continue;
    it(`${guest.name} --kernel ${kernel}`, () => {
      const run = { guest: path, args: guest.args, profile, cpus: 1, tick: 50 };
      if (expected.kind === 'some-seed-fails') {
        const statuses = [1, 2].flatMap((cpus) =>
          SEEDS.map((seed) => runGuest(machine, { ...run, cpus, seed }).outcome),
        );
        expect(statuses).toContainEqual({ kind: 'exit', status: expected.status });
        return;
      }
      expect(outcomeOf(run)).toEqual(expected);
    });
  }
});

/** What the manifest says of this kernel, or of the last one before it that it speaks of. */
function outcomeUnder({ release }: KernelProfile, { outcomes }: KernelGuest): KernelOutcome {
  const versionOf = (text: string) => parseVersion(text.split('.').slice(0, 2).join('.'));
  const own = versionOf(release);
  const older = Object.entries(outcomes).flatMap(([kernel, outcome]) => {
    const version = versionOf(kernel);
    const isOlder = version && own && compareVersions(version, own) <= 0;
    return isOlder ? [{ version, outcome }] : [];
  });
  const last = older.toSorted((a, b) => compareVersions(a.version, b.version)).at(-1);
  if (last === undefined) throw new Error(`no outcome at or before ${release}`);
  return last.outcome;
}

test.each([
  ['6.18', 'sleep', '6.18'],
  ['6.17', 'sleep', '5.5'],
  ['6.16', 'probe', '6.15'],
  ['5.9', 'fence', '5.5'],
  ['7.4', 'ids', '7.1'],
])('a host of %s is expected to end %s as %s does', (host, name, kernel) => {
  const found = resolveKernel(host);
  const guest = kernelGuests.find((it) => it.name === name);
  if (!('profile' in found) || guest === undefined) throw new Error('it is known');
  expect(outcomeUnder(found.profile, guest)).toEqual(guest.outcomes[kernel]);
});

describe('the kernel of this machine', () => {
  const profile = profileOfHost();
  for (const guest of kernelGuests) {
    it(`ends ${guest.name} as the manifest says of its version`, async (context) => {
      const obstacle = await whyNotNative();
      context.skip(obstacle !== undefined, obstacle);
      context.skip(typeof profile === 'string', String(profile));
      if (typeof profile === 'string') return;
      const expected = outcomeUnder(profile, guest);
      const file = join(guestDir, guest.files.elf.path);
      const { exitCode, signal, stdout } = await execa(file, guest.args, {
        reject: false,
        stripFinalNewline: false,
      });
      const status = signal === 'SIGSEGV' ? SIGNAL_STATUS_BASE + 11 : exitCode;
      const { kind } = expected;
      // Whether an update is lost is up to the scheduler of the host.
      if (kind === 'some-seed-fails') return expect([0, expected.status]).toContain(status);
      expect({ status, stdout }).toEqual({
        status: kind === 'signal' ? SIGNAL_STATUS_BASE + expected.signal : expected.status,
        stdout: expected.stdout,
      });
    });
  }
});

describe('an option of a kernel that refuses mistakes finds none in a right guest', () => {
  const selectors = MAINLINE.flatMap(({ name, options = {} }) =>
    Object.keys(options).map((option) => `${name}+${option}`),
  );
  it.each(selectors)('--kernel %s', (selector) => {
    const profile = findProfile(selector);
    if (profile === undefined) throw new Error(`there is no kernel ${selector}`);
    for (const seed of [1, 2, 3]) {
      const run = { guest: 'counter.bin', args: ['6', '30'], profile, tick: 20, seed };
      expect(runGuest(machine, run).outcome).toEqual({ kind: 'exit', status: 0 });
    }
  });
});

describe('broken-no-preempt-abort', () => {
  it('loses updates of counter.bin on one vCPU', () => {
    const profile = PROFILES['broken-no-preempt-abort'];
    const outcomes = SEEDS.map(
      (seed) =>
        runGuest(machine, { guest: 'counter.bin', profile, cpus: 1, tick: 20, seed }).outcome,
    );
    expect(outcomes).toContainEqual({ kind: 'exit', status: 1 });
  });
});
