import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { beforeAll, describe, expect, it } from 'vitest';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import type { MachineSnapshot } from '../../emulator/machine/run.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { bootGuest, type GuestRun, runGuest } from '../support/guest-runs.ts';
import { isFullRun, matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

/** Everything that must be the same after a restore and a rerun. */
function finalState() {
  return {
    outcome: machine.outcome,
    counts: machine.counts,
    sections: machine.sections.counts,
    hash: machine.stateHash(),
  };
}

/** Runs a recorded schedule again and takes a snapshot before every decision. */
function snapshotEveryDecision(run: GuestRun, decisions: readonly Decision[]) {
  const snapshots: MachineSnapshot[] = [];
  bootGuest(machine, { ...run, strategy: new ReplayStrategy(decisions) });
  while (machine.outcome === undefined) {
    snapshots.push(machine.snapshot());
    machine.step();
  }
  return snapshots;
}

const runs: readonly GuestRun[] = [
  { guest: 'counter.bin', args: ['3', '4'], tick: 9, cpus: 1 },
  { guest: 'counter.elf', args: ['10', '2'], tick: 40, cpus: 2 },
  { guest: 'migrate.bin', args: ['2', '3'], tick: 15, cpus: 3 },
  { guest: 'memcpy-buffer.bin', args: ['2', '4'], tick: 30, cpus: 2 },
];

describe('a snapshot taken at any decision', () => {
  for (const run of isFullRun ? [...runs, ...runs.map((r) => ({ ...r, seed: 9 }))] : runs) {
    it(`brings everything back: ${run.guest} ${run.args?.join(' ')}`, { timeout: 60_000 }, () => {
      const recorded = runGuest(machine, run);
      const snapshots = snapshotEveryDecision(run, recorded.decisions);
      const expected = finalState();
      expect(expected.hash).toBe(recorded.stateHash);
      const random = xoroshiro128plus(run.cpus ?? 1);
      const left = [...matrixCases(snapshots, Math.ceil(snapshots.length / 4))];
      while (left.length > 0) {
        const [snapshot] = left.splice(uniformInt(random, 0, left.length - 1), 1);
        if (snapshot === undefined) break;
        machine.restore(snapshot);
        const rest = new ReplayStrategy(recorded.decisions.slice(snapshot.decisionIndex));
        while (machine.outcome === undefined) machine.step(rest);
        expect({ from: snapshot.decisionIndex, ...finalState() }).toEqual({
          from: snapshot.decisionIndex,
          ...expected,
        });
      }
    });
  }

  it('has the hash that the state had', () => {
    const run = runs[0];
    if (run === undefined) throw new Error('there is a run');
    const { decisions } = runGuest(machine, run);
    bootGuest(machine, { ...run, strategy: new ReplayStrategy(decisions) });
    const seen: { snapshot: MachineSnapshot; hash: string }[] = [];
    while (machine.outcome === undefined) {
      seen.push({ snapshot: machine.snapshot(), hash: machine.stateHash() });
      machine.step();
    }
    for (const { snapshot, hash } of seen.reverse()) {
      machine.restore(snapshot);
      expect(machine.stateHash()).toBe(hash);
    }
  });
});
