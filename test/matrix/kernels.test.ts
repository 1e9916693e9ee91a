import { release } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { KernelOutcome, ManifestGuest } from '../../scripts/guests.ts';
import {
  guestDir,
  isForMainline,
  isSchemeGuest,
  isUnprotected,
  readManifest,
} from '../guest/guest-files.ts';
import { whyNotNative } from '../guest/native.ts';
import { type GuestRun, runGuest } from '../support/guest-runs.ts';
import { matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const MAINLINE = Object.values<KernelProfile>(PROFILES).filter(({ name }) =>
  name.startsWith('linux-'),
);
const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const settings = [1, 2, 8].flatMap((cpus) =>
  [1, 3, 7, 50, 1000].flatMap((tick) => seeds.map((seed) => ({ cpus, tick, seed }))),
);
/** `ids` needs slices that hold two sections: no forward progress is promised across them. */
const SHORTEST_TICK = 50;
const kernelGuestSettings = settings.filter(({ tick }) => tick >= SHORTEST_TICK);
const MAX_INSTRUCTIONS = 5_000_000;
const SIGNAL_STATUS_BASE = 128;

const { guests, kernelGuests } = await readManifest();
let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

function settingToString({ cpus, tick, seed }: (typeof settings)[number]): string {
  return `--cpus ${cpus} --tick ${tick} --seed ${seed}`;
}

describe('every mainline kernel runs every guest with the right result', () => {
  // Shorter than by default, and all seeds for one: a full run is to take minutes.
  const shorter = ['4', '20'];
  const seedsOf = (guest: ManifestGuest) => {
    if (guest.name === 'counter') return seeds.length;
    return isSchemeGuest(guest) ? 1 : 4;
  };
  const cases = MAINLINE.flatMap((profile) =>
    guests
      .filter((guest) => !isUnprotected(guest) && isForMainline(guest))
      .flatMap((guest) =>
        settings
          .filter(({ seed }) => seed <= seedsOf(guest))
          .map((setting) => ({ profile, guest, setting })),
      ),
  );
  for (const { profile, guest, setting } of matrixCases(cases, 30)) {
    const { path } = guest.files.bin;
    it(`${path} --kernel ${profile.name} ${settingToString(setting)}`, () => {
      const args = isSchemeGuest(guest) ? guest.args : shorter;
      const { outcome, stdout } = runGuest(machine, { guest: path, args, profile, ...setting });
      expect({ outcome, stdout }).toEqual({
        outcome: { kind: 'exit', status: 0 },
        stdout: expect.stringMatching(new RegExp(`: ${args.join(' [a-z]+ x ')} .*ok\\n$`)),
      });
    });
  }
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
        const statuses = seeds.map((seed) => runGuest(machine, { ...run, seed }).outcome);
        expect(statuses).toContainEqual({ kind: 'exit', status: expected.status });
        return;
      }
      expect(outcomeOf(run)).toEqual(expected);
    });
  }
});

it('each mainline kernel is told from the next one by a guest', () => {
  const outcomes = MAINLINE.map(({ aliases: [version = ''] }) =>
    kernelGuests.map((guest) => guest.outcomes[version]),
  );
  outcomes.slice(1).forEach((own, index) => {
    const differing = own.filter((outcome, guest) => {
      const before = outcomes[index]?.[guest];
      return outcome && before && JSON.stringify(outcome) !== JSON.stringify(before);
    });
    expect(differing, MAINLINE[index + 1]?.name).not.toEqual([]);
  });
});

describe('the kernel of this machine', () => {
  const version = release().split('.').slice(0, 2).join('.');
  for (const guest of kernelGuests) {
    it(`ends ${guest.name} as the manifest says of its version`, async (context) => {
      const obstacle = await whyNotNative();
      context.skip(obstacle !== undefined, obstacle);
      const expected = guest.outcomes[version];
      context.skip(
        expected === undefined,
        `the manifest has no outcome of this kernel: ${version}`,
      );
      const file = join(guestDir, guest.files.elf.path);
      const { exitCode, signal, stdout } = await execa(file, guest.args, {
        reject: false,
        stripFinalNewline: false,
      });
      const status = signal === 'SIGSEGV' ? SIGNAL_STATUS_BASE + 11 : exitCode;
      const wanted =
        expected?.kind === 'signal' ? SIGNAL_STATUS_BASE + expected.signal : expected?.status;
      expect(status).toBe(wanted);
      if (expected?.kind !== 'some-seed-fails') expect(stdout).toBe(expected?.stdout);
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
    const outcomes = seeds.map(
      (seed) =>
        runGuest(machine, { guest: 'counter.bin', profile, cpus: 1, tick: 20, seed }).outcome,
    );
    expect(outcomes).toContainEqual({ kind: 'exit', status: 1 });
  });
});
