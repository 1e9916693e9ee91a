import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { beforeAll, describe, expect, test } from 'vitest';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { MachineSnapshot } from '../../emulator/machine/run.ts';
import { isFullRun } from '../support/matrix.ts';
import {
  endingOf,
  type Filmed,
  film,
  guest,
  openTestMachine,
  runToEnd,
  type TestRun,
} from './rig.ts';
import { MEMORY_PROGRAM, PATCHING_COMMITS, patchingProgram } from './tiny-programs.ts';

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

const ticks = isFullRun ? [1, 2, 3, 5, 8, 13, 40] : [1, 3, 8];
const RUNS: readonly (readonly [string, TestRun])[] = [
  ...ticks.flatMap((tick): (readonly [string, TestRun])[] => [
    [`memory mapped and unmapped, tick ${tick}`, { program: MEMORY_PROGRAM.program, tick }],
    [`code rewritten, tick ${tick}`, { program: patchingProgram(true).program, tick, vcpus: 2 }],
    [
      `code rewritten on two vCPUs, tick ${tick}`,
      { program: patchingProgram(false).program, tick },
    ],
  ]),
  ['threads beyond the CPUs of the engine', { program: guest('counter.bin', '12', '2'), tick: 20 }],
];

/** The indices below `count` in an order of their own. */
function shuffled(count: number): number[] {
  const random = xoroshiro128plus(count);
  const indices = Array.from({ length: count }, (_, i) => i);
  return indices.map(() => indices.splice(uniformInt(random, 0, indices.length - 1), 1)[0] ?? 0);
}

/** Runs the recorded rest from a snapshot, or `most` decisions of it. */
function rerun({ ending }: Filmed, snapshot: MachineSnapshot, most = Number.POSITIVE_INFINITY) {
  machine.restore(snapshot);
  const rest = new ReplayStrategy(ending.decisions.slice(snapshot.decisionIndex));
  while (machine.outcome === undefined && rest.position < most) machine.step(rest);
}

describe.each(RUNS)('%s', (_, run) => {
  test('comes to its end from every snapshot, wherever the machine was', () => {
    const filmed = film(machine, run);
    const { snapshots, ending } = filmed;
    expect(ending).toEqual({ ...endingOf(machine), decisions: ending.decisions });
    expect(runToEnd(machine, run)).toMatchObject(ending);
    // Snapshots are of one boot.
    const again = film(machine, run);
    expect(again.snapshots.length).toBe(snapshots.length);
    for (const index of shuffled(snapshots.length)) {
      const snapshot = again.snapshots[index];
      if (snapshot === undefined) continue;
      rerun(again, snapshot);
      expect({ from: index, ...endingOf(machine) }).toEqual({ from: index, ...ending });
      const other = again.snapshots[(index * 7) % snapshots.length];
      if (other !== undefined) rerun(again, other, index % 5);
    }
  });
});

describe('sections in a program that rewrites code', () => {
  test.each(ticks)('are all counted (tick %i)', (tick) => {
    for (let seed = 1; seed <= 10; seed++) {
      const run = { program: patchingProgram(true).program, tick, seed, vcpus: 1 };
      const { outcome, sections } = runToEnd(machine, run);
      expect(outcome).toEqual({ kind: 'exit', status: 0 });
      const { entered, committed, aborted, exited } = sections;
      expect(committed).toBe(PATCHING_COMMITS);
      expect(entered).toBe(committed + aborted + exited);
    }
  });

  test.each(ticks)('are all counted on two vCPUs (tick %i)', (tick) => {
    for (let seed = 1; seed <= 10; seed++) {
      const run = { program: patchingProgram(false).program, tick, seed };
      const { sections } = runToEnd(machine, run);
      expect(sections.committed).toBe(PATCHING_COMMITS);
    }
  });
});
