import { beforeAll, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { guaranteeOf, PCT } from '../../../emulator/explore/search/strategies/pct.ts';
import { TallyCounter } from '../../../emulator/explore/search/tally-counter.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guest, openTestMachine } from '../../machine/rig.ts';
import { COUNTED_UNPROTECTED } from './tiny-guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

const RUNS = 200;

function explorerOf(program = COUNTED_UNPROTECTED): Explorer {
  const searched = { program, profile: PROFILES['linux-6.18'], vcpus: 1, seed: 1 };
  return new Explorer(machine, searched, {
    preemptions: 1,
    entries: 1,
    instructions: 200_000,
    signals: [],
    runs: RUNS,
    seed: 7,
    depth: 2,
  });
}

test('the bound is 1 / (n (k |A|)^(d-1))', () => {
  const scale = { tasks: 2, steps: 10, actions: 1 };
  expect(guaranteeOf(scale, 1).probability).toBe(1 / 2);
  expect(guaranteeOf(scale, 2).probability).toBe(1 / 20);
  expect(guaranteeOf(scale, 3).probability).toBe(1 / 200);
  expect(guaranteeOf({ ...scale, actions: 3 }, 3).probability).toBe(1 / (2 * 30 ** 2));
});

test('a bug of depth 2 shows at least as often as promised', () => {
  const search = PCT.open(explorerOf());
  const { guarantee } = search.plan();
  expect(guarantee).toMatchObject({ tasks: 2, depth: 2 });
  let failures = 0;
  for (let run = 0; run < RUNS; run++) {
    const counter = new TallyCounter();
    for (const _ of search.explore({ stage: 0, from: run, to: run }, counter));
    if (counter.failure !== undefined) failures++;
  }
  expect(failures / RUNS).toBeGreaterThanOrEqual(guarantee?.probability ?? 1);
  expect(failures).toBeLessThan(RUNS);
});

test('a task that spins does not keep the others from going on', () => {
  const search = PCT.open(explorerOf(guest('spinlock.bin', '2', '2')));
  const counter = new TallyCounter();
  for (const _ of search.explore({ stage: 0, from: 0, to: RUNS - 1 }, counter));
  expect(counter.failure).toBeUndefined();
  expect(counter.tally.schedules).toBe(RUNS);
  expect(counter.tally.cuts).toMatchObject({ spin: expect.any(Number) });
  expect(counter.tally.cuts.timeout).toBeUndefined();
});
