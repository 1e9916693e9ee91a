import * as v from 'valibot';
import { planSchema } from '../../../emulator/explore/campaign/tally-schema.ts';
import type { SearchBounds } from '../../../emulator/explore/search/bounds.ts';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import type { Search, SearchStrategy } from '../../../emulator/explore/search/search-strategy.ts';
import { addTallies, EMPTY_TALLY, type Tally } from '../../../emulator/explore/search/tally.ts';
import { TallyCounter } from '../../../emulator/explore/search/tally-counter.ts';
import type { WorkUnit } from '../../../emulator/explore/search/unit.ts';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Program } from '../../../emulator/machine/program.ts';
import { assert } from '../../../kernel-model/assert.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { boot } from '../../machine/rig.ts';
import { COUNTED_IN_SECTIONS, COUNTED_UNPROTECTED } from './tiny-guests.ts';

const BOUNDS: SearchBounds = {
  preemptions: 1,
  entries: 1,
  instructions: 50_000,
  signals: [],
  runs: 100,
  seed: 1,
  depth: 2,
};

interface Opened {
  readonly explorer: Explorer;
  readonly search: Search;
}

function open(machine: Machine, strategy: SearchStrategy, program: Program): Opened {
  const searched = { program, profile: PROFILES['linux-6.18'], vcpus: 1, seed: 1 };
  const explorer = new Explorer(machine, searched, BOUNDS);
  return { explorer, search: strategy.open(explorer) };
}

function explore(search: Search, unit: WorkUnit, onYield: () => void = () => {}): Tally {
  const counter = new TallyCounter();
  for (const _ of search.explore(unit, counter)) onYield();
  return counter.tally;
}

/** Tallies of all units, each by a search of its own or all by one. */
function exploreAll(machine: Machine, strategy: SearchStrategy, program: Program): Tally[] {
  const { search } = open(machine, strategy, program);
  return search.plan().units.map((unit) => explore(search, unit));
}

function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(addTallies, EMPTY_TALLY);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** With the keys of all objects in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}

/** Two machines, so that units can be explored apart. */
export type Machines = readonly [Machine, Machine];

/** Each rule of SearchStrategy, by name: asserts that one keeps it. */
export const SEARCH_CONTRACT: Readonly<
  Record<string, (machines: Machines, strategy: SearchStrategy) => void>
> = {
  'plans the same each time, as plain JSON': ([machine, other], strategy) => {
    const plan = open(machine, strategy, COUNTED_IN_SECTIONS).search.plan();
    assert(isSame(plan, JSON.parse(JSON.stringify(plan))), 'the plan is plain');
    assert(v.is(planSchema, plan), 'a campaign can take it');
    const again = open(other, strategy, COUNTED_IN_SECTIONS).search.plan();
    assert(isSame(plan, again), 'two plans are the same');
    assert(plan.units.length > 0, 'there is something to do');
    const stages = plan.units.map(({ stage }) => stage);
    assert(
      stages.every((stage, index) => stage >= (stages[index - 1] ?? 0)),
      'stages are in order',
    );
  },

  'explores units anywhere, in any order, again if need be': ([machine, other], strategy) => {
    for (const program of [COUNTED_IN_SECTIONS, COUNTED_UNPROTECTED]) {
      const first = open(machine, strategy, program);
      const { units } = first.search.plan();
      const tallies = units.map((unit) => explore(first.search, unit));
      const second = open(other, strategy, program);
      for (let index = units.length - 1; index >= 0; index--) {
        const unit: WorkUnit = JSON.parse(JSON.stringify(units[index]));
        const apart = explore(second.search, unit);
        assert(isSame(apart, tallies[index]), `unit ${index} comes to the same elsewhere`);
      }
      const middle = Math.floor(units.length / 2);
      const unit = units[middle];
      if (unit === undefined || units.length === 1) continue;
      assert(isSame(explore(first.search, unit), tallies[middle]), 'and once more');
      const alone = open(other, strategy, program);
      assert(isSame(explore(alone.search, unit), tallies[middle]), 'and without a plan');
    }
  },

  'counts what adds up in any order': ([machine], strategy) => {
    const tallies = exploreAll(machine, strategy, COUNTED_IN_SECTIONS);
    const forward = sum(tallies);
    assert(isSame(forward, sum([...tallies].reverse())), 'sums are the same');
    assert(forward.schedules > 0, 'schedules are counted');
  },

  'finds nothing wrong with what is right': ([machine], strategy) => {
    const { failure, cuts } = sum(exploreAll(machine, strategy, COUNTED_IN_SECTIONS));
    assert(failure === undefined, `no failure: ${JSON.stringify(failure?.outcome)}`);
    assert((cuts.timeout ?? 0) === 0 && (cuts.unsupported ?? 0) === 0, 'nothing is left undone');
  },

  'finds what is wrong, if it is complete': ([machine], strategy) => {
    if (!strategy.isComplete) return;
    const { failure } = sum(exploreAll(machine, strategy, COUNTED_UNPROTECTED));
    assert(failure?.outcome.kind === 'exit' && failure.outcome.status !== 0, 'a count is lost');
  },

  'leaves failures that replay': ([machine, other], strategy) => {
    const { failure } = sum(exploreAll(machine, strategy, COUNTED_UNPROTECTED));
    if (failure === undefined) return;
    const hashes = new Set<string>();
    for (const on of [machine, other, machine]) {
      boot(on, {
        program: COUNTED_UNPROTECTED,
        vcpus: 1,
        maxInstructions: BOUNDS.instructions,
        strategy: new ReplayStrategy(failure.decisions),
      });
      assert(isSame(on.runToEnd(), failure.outcome), 'it ends the same');
      hashes.add(on.stateHash());
    }
    assert(hashes.size === 1, 'in the same state');
    assert(failure.interruptions.length > 0, 'it says what was interrupted');
  },

  'interrupts at every instruction of a section, if it is complete': ([machine], strategy) => {
    if (!strategy.isComplete) return;
    const { search } = open(machine, strategy, COUNTED_IN_SECTIONS);
    const { units, boundaries } = search.plan();
    const { coverage } = sum(units.map((unit) => explore(search, unit)));
    const inside = boundaries.filter(({ places }) => places.includes('inside'));
    assert(inside.length > 0, 'there are sections');
    for (const { address } of inside) {
      const { spurious, preempt = [] } = coverage[address] ?? {};
      const at = `0x${address.toString(16)}`;
      assert((spurious?.[0] ?? 0) > 0, `a spurious reschedule at ${at}`);
      assert(
        preempt.some((count) => count > 0),
        `a preemption at ${at}`,
      );
    }
  },

  'shares no schedule between units, if it is complete': ([machine], strategy) => {
    if (!strategy.isComplete) return;
    const { search, explorer } = open(machine, strategy, COUNTED_IN_SECTIONS);
    const seen = new Map<string, WorkUnit>();
    for (const unit of search.plan().units) {
      explore(search, unit, () => {
        const schedule = JSON.stringify(explorer.machine.decisions);
        assert((seen.get(schedule) ?? unit) === unit, `a schedule of another unit: ${schedule}`);
        seen.set(schedule, unit);
      });
    }
  },
};
