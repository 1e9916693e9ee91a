import { beforeAll, describe, expect, test } from 'vitest';
import { Explorer } from '../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../emulator/explore/search/run-search.ts';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Strategy } from '../../emulator/machine/strategy.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { boot, guest, openTestMachine } from '../machine/rig.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

interface Search {
  readonly file: string;
  readonly args: readonly string[];
  readonly vcpus: number;
  readonly preemptions?: number;
}

function start({ file, args, vcpus }: Search, strategy: Strategy): void {
  boot(machine, { program: guest(file, ...args), vcpus, strategy, maxInstructions: 100_000 });
}

function search(options: Search): SearchResult {
  const explorer = new Explorer(
    machine,
    {
      program: guest(options.file, ...options.args),
      profile: PROFILES['linux-6.18'],
      vcpus: options.vcpus,
      seed: 1,
    },
    {
      preemptions: options.preemptions ?? 1,
      entries: 1,
      instructions: 100_000,
      signals: [],
      runs: 0,
      seed: 1,
      depth: 1,
    },
  );
  const searching = runSearch(SEARCH_STRATEGIES.exhaustive.open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value;
  }
}

describe('one interruption', () => {
  test.each([
    { file: 'counter.bin', args: ['2', '2'], vcpus: 1 },
    { file: 'counter.bin', args: ['4', '1'], vcpus: 2 },
    { file: 'list.bin', args: ['2', '1'], vcpus: 1 },
  ])('breaks nothing that is protected: $file on $vcpus', (options) => {
    const result = search(options);
    expect(result).toMatchObject({ verdict: 'pass', completedStages: 2 });
    const { coverage, schedules, failure } = result.tally;
    expect(failure).toBeUndefined();
    expect(schedules).toBeGreaterThan(20);
    const kinds = new Set(Object.values(coverage).flatMap((row) => Object.keys(row)));
    expect(kinds).toContain('spurious');
    expect(kinds).toContain('preempt');
    expect(kinds.has('migrate')).toBe(options.vcpus > 1);
    for (const { address, places } of result.plan.boundaries) {
      if (places.includes('inside'))
        expect(coverage, address.toString(16)).toHaveProperty([address]);
    }
  });

  test.each([
    { file: 'counter-unprotected.bin', args: ['2', '2'], vcpus: 1 },
    { file: 'counter-unprotected.bin', args: ['4', '1'], vcpus: 2 },
    { file: 'list-unprotected.bin', args: ['2', '2'], vcpus: 1 },
  ])('loses an update of $file on $vcpus, and the schedule replays', (options) => {
    const { verdict, tally } = search(options);
    const { failure } = tally;
    expect(verdict).toBe('fail');
    expect(failure?.outcome).toMatchObject({ kind: 'exit', status: 1 });
    expect(failure?.interruptions).toHaveLength(1);
    const hashes = new Set<string>();
    for (let i = 0; i < 3; i++) {
      start(options, new ReplayStrategy(failure?.decisions ?? []));
      expect(machine.runToEnd()).toEqual(failure?.outcome);
      hashes.add(machine.stateHash());
    }
    expect(hashes.size).toBe(1);
  });
});

test('two interruptions break nothing that is protected either', () => {
  const result = search({ file: 'counter.bin', args: ['2', '1'], vcpus: 1, preemptions: 2 });
  expect(result).toMatchObject({ verdict: 'pass', completedStages: 3 });
  expect(result.tally.cuts.timeout).toBeUndefined();
  expect(result.tally.merged).toBeGreaterThan(100);
});
