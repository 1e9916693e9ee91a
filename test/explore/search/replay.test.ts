import { beforeAll, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../../emulator/explore/search/run-search.ts';
import { decisionFromString } from '../../../emulator/machine/decisions.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { COUNTED_UNPROTECTED } from './tiny-guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

function search(
  name: keyof typeof SEARCH_STRATEGIES,
  schedule: readonly Decision[] = [],
): SearchResult {
  const searched = {
    program: COUNTED_UNPROTECTED,
    profile: PROFILES['linux-6.18'],
    vcpus: 1,
    seed: 1,
  };
  const explorer = new Explorer(machine, searched, {
    preemptions: 1,
    entries: 1,
    instructions: 50_000,
    signals: [],
    runs: 0,
    seed: 1,
    depth: 1,
    schedule,
  });
  const searching = runSearch(SEARCH_STRATEGIES[name].open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value;
  }
}

test('a schedule that another strategy found fails again', () => {
  const { failure } = search('exhaustive').tally;
  const again = search('replay', failure?.decisions);
  expect(again).toMatchObject({ verdict: 'fail', tally: { schedules: 1 } });
  expect(again.tally.failure?.outcome).toEqual(failure?.outcome);
});

test.each(['s0:7', 'r0:5', 's0:1 r0:5'])(
  'a schedule that does not fit is no verdict: %s',
  (words) => {
    const decisions = words.split(' ').flatMap((word) => decisionFromString(word) ?? []);
    const { verdict, tally } = search('replay', decisions);
    expect(verdict).toBe('incomplete');
    expect(tally.unsupported).toBeDefined();
  },
);
