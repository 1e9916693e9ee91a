import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnitLedger } from '../../../emulator/explore/campaign/unit-ledger.ts';
import type { SearchResult } from '../../../emulator/explore/search/run-search.ts';
import { EMPTY_TALLY, type Failure, type Tally } from '../../../emulator/explore/search/tally.ts';
import type { SearchPlan } from '../../../emulator/explore/search/unit.ts';

/**
 * What exploring a unit goes through: schedules at each of its pauses, and whether it fails at its
 * end.
 */
interface ModelUnit {
  readonly stage: number;
  readonly pauses: readonly number[];
  readonly fails: boolean;
}

interface Explored {
  readonly tally: Tally;
  readonly isCut: boolean;
}

const FAILURE: Failure = {
  interruptions: [],
  decisions: [],
  outcome: { kind: 'exit', status: 1 },
  isEndless: false,
};

function explore({ pauses, fails }: ModelUnit, limit: number): Explored {
  let schedules = 0;
  for (const [index, count] of pauses.entries()) {
    schedules += count;
    const isFailure = fails && index === pauses.length - 1;
    if (!isFailure && schedules >= limit) {
      return { tally: { ...EMPTY_TALLY, schedules }, isCut: true };
    }
  }
  const tally = { ...EMPTY_TALLY, schedules, distinctStates: schedules * 2 };
  return { tally: fails ? { ...tally, failure: FAILURE } : tally, isCut: false };
}

/** One unit after the other, as the ledger says that it comes out. */
function inOrder(units: readonly ModelUnit[], schedulesMax: number) {
  let [schedules, states] = [0, 0];
  for (const [index, unit] of units.entries()) {
    const { tally, isCut } = explore(unit, schedulesMax - schedules);
    schedules += tally.schedules;
    states += tally.distinctStates;
    const isLast = index === units.length - 1;
    if (tally.failure !== undefined) return { verdict: 'fail', schedules, states };
    if (isCut || (schedules >= schedulesMax && !isLast)) {
      return { verdict: 'incomplete', schedules, states };
    }
  }
  return { verdict: 'pass', schedules, states };
}

function planOf(units: readonly ModelUnit[]): SearchPlan {
  return {
    units: units.map(({ stage }, index) => ({ stage, from: index, to: index })),
    boundaries: [],
    leftOut: [],
  };
}

/**
 * Several workers that finish in the order that `choose` says; some crash, once for each unit at
 * most.
 */
function inAnyOrder(
  units: readonly ModelUnit[],
  schedulesMax: number,
  choose: (count: number) => number,
): SearchResult {
  const ledger = new UnitLedger(planOf(units), schedulesMax);
  const running: { index: number; limit: number }[] = [];
  const crashed = new Set<number>();
  while (!ledger.isSettled) {
    const next = choose(3) > 0 && running.length < 4 ? ledger.next() : undefined;
    if (next !== undefined) {
      running.push({ index: next.index, limit: next.schedulesMax ?? Number.POSITIVE_INFINITY });
      continue;
    }
    const [done] = running.splice(choose(Math.max(1, running.length)), 1);
    if (done === undefined) continue;
    const { index, limit } = done;
    if (choose(5) === 0 && !crashed.has(index)) {
      crashed.add(index);
      ledger.crash(index, 'SIGSEGV');
      continue;
    }
    if (!ledger.isUseful(index)) {
      ledger.giveBack(index);
      continue;
    }
    const unit = units[index];
    if (unit === undefined) throw new Error('no such unit');
    const { tally, isCut } = explore(unit, limit);
    if (isCut) ledger.cut(index, tally);
    else ledger.finish(index, tally);
  }
  return ledger.result();
}

const modelUnits = fc
  .array(
    fc.record({
      pauses: fc.array(fc.nat(5), { minLength: 1, maxLength: 6 }),
      fails: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
    }),
    { maxLength: 12 },
  )
  .map((units) => units.map((unit, index) => ({ ...unit, stage: Math.floor(index / 3) })));

test('whoever explores what in which order, the result is that of one after the other', () => {
  fc.assert(
    fc.property(
      modelUnits,
      fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 60 })),
      fc.infiniteStream(fc.nat(1000)),
      (units, schedulesMax, stream) => {
        const choose = (count: number): number => Number(stream.next().value) % count;
        const { verdict, tally } = inAnyOrder(units, schedulesMax, choose);
        expect({ verdict, schedules: tally.schedules, states: tally.distinctStates }).toEqual(
          inOrder(units, schedulesMax),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

const threeUnits = [0, 1, 1].map((stage) => ({ stage, pauses: [2], fails: false }));

test('a unit that crashes twice is set aside, and the search is incomplete', () => {
  const ledger = new UnitLedger(planOf(threeUnits));
  const whole = { ...EMPTY_TALLY, schedules: 2 };
  expect(ledger.next()?.index).toBe(0);
  ledger.finish(0, whole);
  expect(ledger.next()?.index).toBe(1);
  ledger.crash(1, 'SIGSEGV');
  expect(ledger.next()?.index).toBe(1);
  expect(ledger.next()?.index).toBe(2);
  ledger.crash(1, 'SIGKILL');
  expect(ledger.isSettled).toBe(false);
  ledger.finish(2, whole);
  expect(ledger.isSettled).toBe(true);
  expect(ledger.result()).toMatchObject({
    verdict: 'incomplete',
    completedStages: 1,
    tally: { schedules: 4 },
    setAside: [{ unit: { stage: 1, from: 1, to: 1 }, reasons: ['SIGSEGV', 'SIGKILL'] }],
  });
});

test('a search that is stopped tells what is known, of unfinished units too', () => {
  const ledger = new UnitLedger(planOf(threeUnits));
  for (let i = 0; i < 3; i++) ledger.next();
  ledger.finish(0, { ...EMPTY_TALLY, schedules: 2 });
  ledger.giveBack(2);
  const result = ledger.result(new Map([[2, { ...EMPTY_TALLY, schedules: 1 }]]));
  expect(result).toMatchObject({ verdict: 'incomplete', completedStages: 1, setAside: [] });
  expect(result.tally.schedules).toBe(3);
});

test('a failure that is known counts although units before it are not explored', () => {
  const ledger = new UnitLedger(planOf(threeUnits));
  for (let i = 0; i < 2; i++) ledger.next();
  ledger.finish(1, { ...EMPTY_TALLY, schedules: 1, failure: FAILURE });
  expect(ledger.isSettled).toBe(false);
  expect(ledger.next()).toBeUndefined();
  expect(ledger.isUseful(2)).toBe(false);
  expect(ledger.result()).toMatchObject({ verdict: 'fail', completedStages: 0 });
  ledger.finish(0, { ...EMPTY_TALLY, schedules: 2 });
  expect(ledger.isSettled).toBe(true);
  expect(ledger.result()).toMatchObject({ verdict: 'fail', tally: { schedules: 3 } });
});

test.each(['timeout', 'events', 'unsupported'])(
  'what was cut by %s is neither passed nor complete',
  (cut) => {
    const ledger = new UnitLedger(planOf(threeUnits.slice(0, 1)));
    ledger.next();
    ledger.finish(0, { ...EMPTY_TALLY, schedules: 2, cuts: { [cut]: 1 } });
    expect(ledger.result()).toMatchObject({ verdict: 'incomplete', completedStages: 0 });
  },
);
