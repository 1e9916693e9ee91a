import { beforeAll, describe, expect, test } from 'vitest';
import { isSameFailure, minimise } from '../../../emulator/explore/failure/minimise.ts';
import { play } from '../../../emulator/explore/failure/play.ts';
import type { PlacedInterruption } from '../../../emulator/explore/search/interruption.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { explorerOf, type Searched, searchAll } from './searched.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

const UNPROTECTED: Searched = { file: 'counter-unprotected.bin', args: ['2', '2'], vcpus: 1 };
const UNBOUNDED = { plays: 10_000, isOver: () => false };

/** The failing run with every boundary of its task interrupted besides. */
function padded(searched: Searched): PlacedInterruption[] {
  const explorer = explorerOf(machine, searched);
  const { failure } = searchAll(explorer).tally;
  const [last] = failure?.interruptions.slice(-1) ?? [];
  if (last === undefined) throw new Error('the guest fails');
  const noise = play(explorer, [])
    .passed.filter(({ task, retired }) => task !== last.task || retired < last.retired)
    .map((each): PlacedInterruption => ({ ...each, interruption: { kind: 'spurious' } }));
  return [...noise, last];
}

describe('minimising', () => {
  test('leaves the one interruption that matters of many', () => {
    const interruptions = padded(UNPROTECTED);
    expect(interruptions.length).toBeGreaterThan(10);
    const open = (vcpus: number) => explorerOf(machine, { ...UNPROTECTED, vcpus });
    const failure = play(open(1), interruptions);
    expect(failure.outcome).toMatchObject({ kind: 'exit', status: 1 });
    const minimal = minimise({ ...failure, interruptions: failure.made }, 1, open, UNBOUNDED);
    expect(minimal?.play.made).toHaveLength(1);
    expect(minimal?.play.outcome).toEqual({ kind: 'exit', status: 1 });
    expect(minimal?.isComplete).toBe(true);
    // None is needless: without it, or any earlier, the run ends otherwise.
    const [only] = minimal?.play.made ?? [];
    expect(isSameFailure(play(open(1), []), failure)).toBe(false);
    for (const { task, retired } of minimal?.play.passed ?? []) {
      if (only === undefined || task !== only.task || retired >= only.retired) continue;
      expect(isSameFailure(play(open(1), [{ ...only, retired }]), failure)).toBe(false);
    }
  });

  test('needs one vCPU only where a task on another one did the harm', () => {
    const searched: Searched = { file: 'counter-unprotected.bin', args: ['4', '1'], vcpus: 2 };
    const open = (vcpus: number) => explorerOf(machine, { ...searched, vcpus });
    const explorer = open(2);
    const { failure } = searchAll(explorer).tally;
    expect(failure).toBeDefined();
    if (failure === undefined) return;
    const minimal = minimise(failure, 2, open, UNBOUNDED);
    expect(minimal?.vcpus).toBe(1);
    expect(minimal?.play.made).toHaveLength(1);
    expect(minimal?.play.outcome).toEqual(failure.outcome);
  });

  test('ends when it has run the program often enough', () => {
    const interruptions = padded(UNPROTECTED);
    const open = (vcpus: number) => explorerOf(machine, { ...UNPROTECTED, vcpus });
    const failure = play(open(1), interruptions);
    const limits = { plays: 5, isOver: () => false };
    const minimal = minimise({ ...failure, interruptions: failure.made }, 1, open, limits);
    expect(minimal).toMatchObject({ plays: 5, isComplete: false });
    expect(minimal?.play.outcome).toEqual(failure.outcome);
  });

  test('tells that interruptions alone do not make the run fail', () => {
    const open = (vcpus: number) => explorerOf(machine, { ...UNPROTECTED, vcpus });
    const outcome = { kind: 'exit', status: 1 } as const;
    const failure = { interruptions: [], outcome, isEndless: false };
    expect(minimise(failure, 1, open, UNBOUNDED)).toBeUndefined();
  });
});
