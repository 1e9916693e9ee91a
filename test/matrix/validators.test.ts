import { beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import type { ManifestGuest } from '../../scripts/guests.ts';
import { isSchemeGuest, isUnprotected, readManifest } from '../guest/guest-files.ts';
import { matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';
import {
  rulesOf,
  runSettled,
  runWatched,
  type WatchedRun,
} from '../validate/dynamic/watched-runs.ts';

const SEEDS = 5;
const settings = [1, 2, 8].flatMap((cpus) =>
  [1, 3, 7, 50, 1000].flatMap((tick) =>
    Array.from({ length: SEEDS }, (_, seed) => ({ cpus, tick, seed: seed + 1 })),
  ),
);
const { guests, kernelGuests, ruleRuns } = await readManifest();

/** Shorter than by default, so that a full run takes minutes. */
const SHORTER = ['4', '20'];
/** Slices too short for two sections, in which some make no progress: see kernels.test.ts. */
const SHORT_TICK_MAX = 7;
/** They make a system call inside a section on purpose. */
const CALLING = ['sleep', 'probe'];
/** Its membarrier stops nobody: what relies on one really does change another task's data. */
const FENCE_LOST = 'broken-fence-lost';

interface Case {
  readonly run: WatchedRun;
  readonly findings: readonly string[];
}

function casesOf(
  { files, source, args }: Pick<ManifestGuest, 'files' | 'source' | 'args'>,
  kernel: string | undefined,
  findings: readonly string[] = [],
): readonly Case[] {
  const isShort = !source.includes('/');
  return settings.map((setting) => ({
    run: {
      file: files.bin.path,
      kernel,
      args: isShort ? SHORTER : args,
      maxInstructions: !isShort && setting.tick <= SHORT_TICK_MAX ? 300_000 : 3_000_000,
      ...setting,
    },
    findings,
  }));
}

function titleOf({ file, kernel, cpus, tick, seed }: WatchedRun): string {
  return `${file} --kernel ${kernel ?? 'linux-6.18'} --cpus ${cpus} --tick ${tick} --seed ${seed}`;
}

let machine: Machine;
let again: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  again = openMachine({ libraryPath, logReads: true });
});

describe('validators find nothing in a right guest, whatever the schedule', () => {
  const cases = [
    ...guests
      .filter((guest) => !isUnprotected(guest))
      .flatMap((guest) => casesOf(guest, guest.kernel)),
    ...ruleRuns
      .filter(({ findings, defines }) => findings.length === 0 && defines.length > 0)
      .filter(({ settings: { escalate } }) => escalate !== false)
      .flatMap((guest) => casesOf(guest, guest.settings.kernel)),
  ];
  for (const { run } of matrixCases(cases, 18)) {
    it(titleOf(run), async () => {
      const { outcome, findings } = await runSettled(machine, again, run);
      expect(findings).toEqual([]);
      expect(outcome).toEqual({ kind: 'exit', status: 0 });
    });
  }
});

describe('validators find what is forbidden in a guest that tells kernels apart', () => {
  const cases = kernelGuests.flatMap((guest) =>
    Object.keys(guest.outcomes).flatMap((kernel) =>
      casesOf(guest, kernel, [
        ...(CALLING.includes(guest.name) ? ['R14'] : []),
        ...(kernel === FENCE_LOST ? ['R28'] : []),
      ]),
    ),
  );
  for (const { run, findings: expected } of matrixCases(cases, 9)) {
    it(titleOf(run), async () => {
      const found = rulesOf((await runSettled(machine, again, run)).findings);
      expect(found.filter((rule) => !expected.includes(rule))).toEqual([]);
    });
  }
});

describe('validators name the section of a guest that is never armed', () => {
  const cases = guests
    .filter((guest) => isUnprotected(guest) && !isSchemeGuest(guest))
    .flatMap((guest) => casesOf(guest, guest.kernel, ['R18']));
  for (const { run, findings: expected } of matrixCases(cases, 5)) {
    it(titleOf(run), () => {
      expect(rulesOf(runWatched(machine, run).findings)).toEqual(expected);
    });
  }
});
