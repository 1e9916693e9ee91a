import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Explorer, type SearchedProgram } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../../emulator/explore/search/run-search.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { readGuestCases } from '../../../emulator/regress/manifest.ts';
import { kernelOf } from '../../../emulator/regress/row.ts';
import { bugs } from '../../bugs/bug-files.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { isFullRun, matrixCases } from '../../support/matrix.ts';

/** A guest in a configuration that is small enough to try everything. */
interface Subject extends SearchedProgram {
  readonly name: string;
  readonly signals: readonly number[];
  /** It holds whatever interrupts it. */
  readonly isRight: boolean;
}

const SAMPLE = 4;
/** What is not at its end by then says nothing. A search that fails ends there, and gets more. */
const SECONDS_MAX = isFullRun ? { right: 0.5, wrong: 10 } : { right: 2, wrong: 2 };
const TIMEOUT_MS = 120_000;
const SMALL_ARGS = ['2', '1'];

const ofManifest = readGuestCases(join(guestDir, 'manifest.json'))
  // Others take other arguments.
  .filter(({ args }) => args.length === SMALL_ARGS.length)
  .flatMap(({ name, path, kernel, expected }): Subject[] =>
    [1, 2].map((vcpus) => ({
      name: `${name} on ${vcpus}`,
      program: { image: loadProgram(join(guestDir, path)).image, args: SMALL_ARGS, env: [] },
      ...{ profile: kernelOf(kernel), vcpus, seed: 1, signals: [] },
      isRight: expected.kind === 'exit' && expected.status === 0,
    })),
  );

const ofBugs = bugs.flatMap(({ id, buggy, fixed, kernel, vcpus, args, signals }): Subject[] =>
  [buggy, fixed].map(({ bin }) => ({
    name: `bugs/${id}${bin === fixed.bin ? ', fixed' : ''}`,
    program: { image: loadProgram(join(guestDir, bin.path)).image, args, env: [] },
    ...{ profile: kernelOf(kernel), vcpus, seed: 1, signals },
    isRight: bin === fixed.bin,
  })),
);

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

type StrategyName = Exclude<keyof typeof SEARCH_STRATEGIES, 'replay'>;

/** What a strategy says of a guest with up to so many interruptions. */
function verdictOf(
  name: StrategyName,
  { signals, name: _, isRight, ...searched }: Subject,
  preemptions: number,
): SearchResult['verdict'] {
  const explorer = new Explorer(machine, searched, {
    ...{ preemptions, entries: 1, instructions: 100_000, runs: 60, seed: 1, depth: 2 },
    signals: signals.map((signal) => ({ signal, task: undefined })),
  });
  const end = performance.now() + SECONDS_MAX[isRight ? 'right' : 'wrong'] * 1000;
  const isOver = () => performance.now() > end;
  const searching = runSearch(SEARCH_STRATEGIES[name].open(explorer), isOver);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value.verdict;
  }
}

/**
 * Each with the strategy that must find whatever it finds: which has its moves and its boundaries, and
 * as many interruptions.
 */
const IMPLICATIONS = [
  { from: 'random', to: 'exhaustive' },
  { from: 'delay-bound', to: 'preemption-bound' },
  { from: 'exhaustive', to: 'preemption-bound' },
] as const;

/** Those that no right guest may fail under. */
const STRATEGIES = ['exhaustive', 'preemption-bound', 'delay-bound', 'random', 'pct'] as const;

/** Interruptions: who is stopped on the way is interrupted for preemption-bound. */
const PREEMPTIONS: Readonly<Record<StrategyName, number>> = {
  random: 1,
  exhaustive: 1,
  'preemption-bound': 2,
  'delay-bound': 1,
  pct: 1,
  dpor: 1,
};

describe('what one complete strategy calls impossible, no other finds', () => {
  test.each(matrixCases([...ofManifest, ...ofBugs], SAMPLE).map((each) => [each.name, each]))(
    '%s',
    (_, subject) => {
      if (typeof subject === 'string') return;
      const verdicts = new Map<StrategyName, SearchResult['verdict']>();
      const verdictBy = (name: StrategyName): SearchResult['verdict'] => {
        const verdict = verdicts.get(name) ?? verdictOf(name, subject, PREEMPTIONS[name]);
        verdicts.set(name, verdict);
        return verdict;
      };
      if (subject.isRight) {
        for (const name of STRATEGIES) expect(verdictBy(name), name).not.toBe('fail');
        return;
      }
      for (const { from, to } of IMPLICATIONS) {
        if (verdictBy(from) !== 'fail') continue;
        expect(verdictBy(to), `${to} finds what ${from} does`).not.toBe('pass');
      }
    },
    TIMEOUT_MS,
  );
});
