import { beforeAll, expect, test } from 'vitest';
import { play } from '../../../emulator/explore/failure/play.ts';
import {
  COMPLETION,
  type PlacedInterruption,
} from '../../../emulator/explore/search/interruption.ts';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { boot, guest, openTestMachine } from '../../machine/rig.ts';
import { explorerOf, type Searched, searchAll } from './searched.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

const FAILING: readonly Searched[] = [
  { file: 'counter-unprotected.bin', args: ['2', '2'], vcpus: 1 },
  { file: 'counter-unprotected.bin', args: ['4', '1'], vcpus: 2 },
  { file: 'list-unprotected.bin', args: ['2', '2'], vcpus: 1 },
  { file: 'spinlock-unprotected.bin', args: ['2', '2'], vcpus: 1 },
];

test.each(FAILING)('a failure of $file on $vcpus is played from its interruptions', (searched) => {
  const explorer = explorerOf(machine, searched);
  const { failure } = searchAll(explorer).tally;
  expect(failure).toBeDefined();
  if (failure === undefined) return;
  const { file, args, vcpus } = searched;
  const strategy = new ReplayStrategy(failure.decisions);
  boot(machine, { program: guest(file, ...args), vcpus, strategy, maxInstructions: 100_000 });
  machine.runToEnd();
  const [hash, { instructions }] = [machine.stateHash(), machine.counts];

  const played = play(explorer, failure.interruptions);
  expect(played.outcome).toEqual(failure.outcome);
  expect(played.made).toEqual(failure.interruptions);
  expect(played.missed).toEqual([]);
  expect([machine.stateHash(), machine.counts.instructions]).toEqual([hash, instructions]);

  boot(machine, {
    program: guest(file, ...args),
    vcpus,
    strategy: new ReplayStrategy(played.decisions),
    maxInstructions: 100_000,
  });
  expect(machine.runToEnd()).toEqual(played.outcome);
  expect(machine.stateHash()).toBe(hash);
});

const COUNTER: Searched = { file: 'counter.bin', args: ['2', '1'], vcpus: 1 };

test('without interruptions it is the plain run', () => {
  const played = play(explorerOf(machine, COUNTER), []);
  expect(played.outcome).toEqual({ kind: 'exit', status: 0 });
  expect(played.passed.length).toBeGreaterThan(10);
});

test('an interruption is made between two boundaries too', () => {
  const explorer = explorerOf(machine, COUNTER);
  const { passed } = play(explorer, []);
  const gap = passed.findIndex(
    (each, at) =>
      each.task === passed[at + 1]?.task && (passed[at + 1]?.retired ?? 0) > each.retired + 2,
  );
  const before = passed[gap];
  expect(before).toBeDefined();
  if (before === undefined) return;
  const between = {
    ...before,
    retired: before.retired + 2,
    interruption: { kind: 'spurious' },
  } as const;
  const played = play(explorer, [between]);
  expect(played.missed).toEqual([]);
  expect(played.made).toMatchObject([{ task: before.task, retired: before.retired + 2 }]);
});

test('positions that the run never comes to, and moves that are not possible, are told', () => {
  const explorer = explorerOf(machine, COUNTER);
  const [first] = play(explorer, []).passed;
  expect(first).toBeDefined();
  if (first === undefined) return;
  const never = { ...first, task: 99, interruption: { kind: 'spurious' } } as const;
  const impossible: PlacedInterruption = {
    ...first,
    interruption: { kind: 'preempt', by: 99, until: COMPLETION },
  };
  const possible = { ...first, interruption: { kind: 'spurious' } } as const;
  const played = play(explorer, [never, impossible, possible]);
  expect(played.made).toEqual([possible]);
  expect(played.missed).toEqual([impossible, never]);
  expect(played.outcome).toEqual({ kind: 'exit', status: 0 });
});
