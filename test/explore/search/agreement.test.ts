import { beforeAll, describe, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../../emulator/explore/search/run-search.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Program } from '../../../emulator/machine/program.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guest, openTestMachine } from '../../machine/rig.ts';
import { matrixCases } from '../../support/matrix.ts';
import { RATED_GUESTS } from './tiny-guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

type StrategyName = keyof typeof SEARCH_STRATEGIES;

interface Subject {
  readonly program: Program;
  readonly vcpus: number;
}

/** What a strategy says of a guest with up to so many interruptions. */
function search(
  name: StrategyName,
  { program, vcpus }: Subject,
  preemptions: number,
): SearchResult {
  const searched = { program, profile: PROFILES['linux-6.18'], vcpus, seed: 1 };
  const explorer = new Explorer(machine, searched, {
    preemptions,
    entries: 1,
    instructions: 100_000,
    signals: [],
    runs: 40,
    seed: 1,
    depth: 2,
  });
  const searching = runSearch(SEARCH_STRATEGIES[name].open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value;
  }
}

function finds(name: StrategyName, subject: Subject, preemptions: number): boolean {
  const { verdict } = search(name, subject, preemptions);
  expect(verdict, `${name} gets to its end`).not.toBe('incomplete');
  return verdict === 'fail';
}

/**
 * Whatever the first strategy finds, the second one must. `times`: what one of its interruptions is
 * worth.
 */
const IMPLICATIONS: readonly {
  readonly from: StrategyName;
  readonly to: StrategyName;
  readonly times: number;
}[] = [
  { from: 'random', to: 'exhaustive', times: 1 },
  { from: 'delay-bound', to: 'preemption-bound', times: 1 },
  // Who interrupts and is stopped again interrupts once there, and is preempted too here.
  { from: 'exhaustive', to: 'preemption-bound', times: 2 },
];

describe('what one complete strategy calls impossible, no other finds', () => {
  const CASES = [
    { file: 'counter.bin', args: ['2', '1'], vcpus: 1, fails: false },
    { file: 'counter-unprotected.bin', args: ['2', '1'], vcpus: 1, fails: true },
    { file: 'list.bin', args: ['2', '1'], vcpus: 1, fails: false },
    { file: 'list-unprotected.bin', args: ['2', '2'], vcpus: 1, fails: true },
    { file: 'spinlock-unprotected.bin', args: ['2', '1'], vcpus: 1, fails: true },
    { file: 'migrate.bin', args: ['2', '1'], vcpus: 2, fails: false },
  ];
  test.each(matrixCases(CASES, 3))('$file on $vcpus', ({ file, args, vcpus, fails }) => {
    const subject = { program: guest(file, ...args), vcpus };
    for (const { from, to, times } of IMPLICATIONS) {
      if (finds(from, subject, 1))
        expect(finds(to, subject, times), `${to}, as ${from}`).toBe(true);
    }
    expect(finds('exhaustive', subject, 1)).toBe(fails);
    expect(finds('preemption-bound', subject, 2)).toBe(fails);
    if (!fails) expect(finds('pct', subject, 1)).toBe(false);
  });

  test.each(matrixCases(RATED_GUESTS, 3))('$name', ({ program, interruptions }) => {
    const subject = { program, vcpus: 1 };
    for (const preemptions of interruptions === 2 ? [1, 2] : [1]) {
      const fails = interruptions <= preemptions;
      const verdicts = {
        exhaustive: finds('exhaustive', subject, preemptions),
        'preemption-bound': finds('preemption-bound', subject, preemptions * 2),
        dpor: finds('dpor', subject, preemptions),
      };
      expect(verdicts.exhaustive).toBe(fails);
      expect(verdicts).toEqual({
        exhaustive: fails,
        'preemption-bound': verdicts.dpor,
        dpor: verdicts.dpor,
      });
      if (verdicts.dpor) continue;
      for (const name of ['pct', 'random', 'delay-bound'] as const) {
        expect(finds(name, subject, preemptions), name).toBe(false);
      }
    }
  });
});
