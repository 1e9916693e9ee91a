import { beforeAll, describe, expect, it } from 'vitest';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { isSchemeGuest, isUnprotected, readManifest } from '../guest/guest-files.ts';
import { runGuest } from '../support/guest-runs.ts';
import { matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const ticks = [1, 7, 50, 1000];
const cpuCounts = [1, 2, 8];
const everySetting = cpuCounts.flatMap((cpus) =>
  ticks.flatMap((tick) => seeds.map((seed) => ({ cpus, tick, seed }))),
);

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

describe('counter.bin on any number of vCPUs, at any tick, with any seed', () => {
  for (const setting of matrixCases(everySetting, 10)) {
    const { cpus, tick, seed } = setting;
    it(`gives the right total: --cpus ${cpus} --tick ${tick} --seed ${seed}`, () => {
      const first = runGuest(machine, { guest: 'counter.bin', ...setting });
      expect(first).toMatchObject({
        outcome: { kind: 'exit', status: 0 },
        stdout: 'counter: 4 tasks x 200 = 800 ok\n',
      });
      const { entered, committed, aborted, exited } = machine.sections.counts;
      expect({ committed, ended: committed + aborted + exited }).toEqual({
        committed: 800,
        ended: entered,
      });
      expect(runGuest(machine, { guest: 'counter.bin', ...setting })).toEqual(first);
    });
  }
});

describe('every guest of the manifest', async () => {
  const guests = (await readManifest()).guests.filter((guest) => !isSchemeGuest(guest));
  const settings = [1, 2, 8].flatMap((cpus) =>
    [3, 50, 1000].flatMap((tick) => [1, 2, 3].map((seed) => ({ cpus, tick, seed }))),
  );
  const cases = guests
    .filter((guest) => !isUnprotected(guest))
    .flatMap((guest) =>
      (['bin', 'elf'] as const).flatMap((form) =>
        settings.map((setting) => ({ guest, form, setting })),
      ),
    );
  for (const { guest, form, setting } of matrixCases(cases, 20)) {
    const file = guest.files[form].path;
    const { cpus, tick, seed } = setting;
    it(`${file} ends as expected: --cpus ${cpus} --tick ${tick} --seed ${seed}`, () => {
      const result = runGuest(machine, { guest: file, args: guest.args, ...setting });
      expect(result.outcome).toEqual({ kind: 'exit', status: 0 });
      if (guest.expected.kind === 'exit') expect(result.stdout).toBe(guest.expected.stdout);
    });
  }

  for (const guest of guests.filter(isUnprotected)) {
    it(`${guest.name} loses an update with some seed: the emulator interleaves`, () => {
      const losing = seeds.find((seed) => {
        const run = { guest: guest.files.bin.path, args: guest.args, tick: 50, seed };
        const { outcome } = runGuest(machine, run);
        return outcome.kind === 'exit' && outcome.status === 1;
      });
      expect(losing).toBeDefined();
    });
  }
});

describe('a schedule replayed in the same process', () => {
  it('gives the same hash in 100 of 100 runs', () => {
    const recorded = runGuest(machine, { guest: 'counter.bin', args: ['4', '50'], tick: 20 });
    for (let i = 0; i < 100; i++) {
      const strategy = new ReplayStrategy(recorded.decisions);
      const again = runGuest(machine, { guest: 'counter.bin', args: ['4', '50'], strategy });
      expect(again).toEqual(recorded);
    }
  });
});

describe('a tick shorter than the section, without escalation', () => {
  it('is a livelock on one vCPU', () => {
    const { outcome } = runGuest(machine, {
      guest: 'counter.bin',
      cpus: 1,
      tick: 3,
      escalate: false,
    });
    expect(outcome).toMatchObject({ kind: 'livelock' });
  });
});
