import { beforeAll, describe, expect, test } from 'vitest';
import { ExhaustiveSearch, type SearchResult } from '../../emulator/explore/search/exhaustive.ts';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Strategy } from '../../emulator/machine/strategy.ts';
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
  const bounds = {
    preemptions: options.preemptions ?? 1,
    entries: 1,
    schedules: 100_000,
    instructions: 100_000,
  };
  const searching = new ExhaustiveSearch(
    machine,
    (driver) => start(options, driver.strategy),
    bounds,
    () => false,
  ).run();
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
    expect(result).toMatchObject({ verdict: 'pass', failure: undefined, timedOut: 0 });
    expect(result.completed).toBe(1);
    expect(result.schedules).toBeGreaterThan(20);
    const kinds = new Set([...result.coverage.values()].flatMap((each) => [...each.keys()]));
    expect(kinds).toContain('spurious');
    expect(kinds).toContain('preempt');
    expect(kinds.has('migrate')).toBe(options.vcpus > 1);
    for (const address of result.map.addresses) {
      const isInside = result.map.spotsAt(address).some(({ place }) => place === 'inside');
      if (isInside) expect(result.coverage.has(address), address.toString(16)).toBe(true);
    }
  });

  test.each([
    { file: 'counter-unprotected.bin', args: ['2', '2'], vcpus: 1 },
    { file: 'counter-unprotected.bin', args: ['4', '1'], vcpus: 2 },
    { file: 'list-unprotected.bin', args: ['2', '2'], vcpus: 1 },
  ])('loses an update of $file on $vcpus, and the schedule replays', (options) => {
    const { verdict, failure } = search(options);
    expect(verdict).toBe('fail');
    expect(failure?.outcome).toMatchObject({ kind: 'exit', status: 1 });
    expect(failure?.interruptions).toHaveLength(1);
    const stateHash = machine.stateHash();
    for (let i = 0; i < 3; i++) {
      start(options, new ReplayStrategy(failure?.decisions ?? []));
      expect(machine.runToEnd()).toEqual(failure?.outcome);
      expect(machine.stateHash()).toBe(stateHash);
    }
  });
});

test('two interruptions break nothing that is protected either', () => {
  const result = search({ file: 'counter.bin', args: ['2', '1'], vcpus: 1, preemptions: 2 });
  expect(result).toMatchObject({ verdict: 'pass', timedOut: 0, completed: 2 });
  expect(result.merged).toBeGreaterThan(100);
});
