import { beforeAll, describe, expect, test } from 'vitest';
import { BoundedSearch } from '../../../emulator/explore/search/bounded-search.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import type { SearchStrategy } from '../../../emulator/explore/search/search-strategy.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { type Machines, SEARCH_CONTRACT } from './contract.ts';

let machines: Machines;
beforeAll(async () => {
  machines = [await openTestMachine(), await openTestMachine()];
});

const RULES = Object.entries(SEARCH_CONTRACT);

describe.each(Object.entries(SEARCH_STRATEGIES))('%s', (_, strategy) => {
  test.each(RULES)('%s', (_rule, check) => {
    check(machines, strategy);
  });
});

/** Strategies that are wrong, each with the rule that finds it out. */
const WRONG: Readonly<Record<string, readonly [string, SearchStrategy]>> = {
  'never interrupts at one of the boundaries': [
    'interrupts at every instruction of a section, if it is complete',
    {
      ...SEARCH_STRATEGIES['delay-bound'],
      title: 'drops a boundary',
      open: (explorer) => {
        const left = explorer.lesson.map.boundaries.find(({ places }) => places.includes('inside'));
        return new BoundedSearch(explorer, {
          hasFreeMoves: false,
          movesAt: ({ point }, moves) =>
            point.isBoundary && point.address !== left?.address
              ? moves.map((move) => ({ move, price: 1 }))
              : [],
        });
      },
    },
  ],
  'explores everything twice': [
    'shares no schedule between units, if it is complete',
    {
      ...SEARCH_STRATEGIES.exhaustive,
      title: 'repeats',
      open: (explorer) => {
        const search = SEARCH_STRATEGIES.exhaustive.open(explorer);
        return {
          plan: () => {
            const plan = search.plan();
            return { ...plan, units: plan.units.flatMap((unit) => [unit, { ...unit }]) };
          },
          explore: (unit, counter) => search.explore(unit, counter),
        };
      },
    },
  ],
  'depends on what it explored before': [
    'explores units anywhere, in any order, again if need be',
    {
      ...SEARCH_STRATEGIES.random,
      title: 'is not deterministic',
      open: (explorer) => {
        const search = SEARCH_STRATEGIES.random.open(explorer);
        let explored = 0;
        return {
          plan: () => search.plan(),
          explore: (unit, counter) => {
            explored++;
            return search.explore({ ...unit, from: unit.from + explored }, counter);
          },
        };
      },
    },
  ],
  'tries nothing but the plain run': [
    'finds what is wrong, if it is complete',
    { ...SEARCH_STRATEGIES.replay, isComplete: true },
  ],
};

test.each(Object.entries(WRONG))('a strategy that %s is found out', (_, [rule, strategy]) => {
  const check = SEARCH_CONTRACT[rule];
  expect(check, rule).toBeDefined();
  expect(() => check?.(machines, strategy)).toThrow(/assertion failed/);
});
