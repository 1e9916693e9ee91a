import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { beforeAll, describe, expect, test } from 'vitest';
import { areDependent, type TraceEvent } from '../../../emulator/explore/search/dependence.ts';
import type { Dependence } from '../../../emulator/explore/search/trace-order.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { Commuter, type Commuting } from './commuting.ts';
import { EVENT_GUESTS } from './event-guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

const RUNS = 4;

function swapIn(name: string, dependence: Dependence): Commuting {
  const guest = EVENT_GUESTS.find((one) => one.name === name);
  if (guest === undefined) throw new Error(`no guest ${name}`);
  const random = xoroshiro128plus(1);
  return new Commuter(machine, guest, dependence).run(RUNS, (below) =>
    below === 0 ? 0 : uniformInt(random, 0, below - 1),
  );
}

describe('neighbours that are not dependent commute', () => {
  const total = { independent: 0, dependent: 0, different: 0 };
  test.each(EVENT_GUESTS.map(({ name }) => name))('%s', (name) => {
    const { independent, violations, dependent, different } = swapIn(name, areDependent);
    total.independent += independent;
    total.dependent += dependent;
    total.different += different;
    expect(violations).toEqual([]);
  });

  test('and there are many of both kinds', () => {
    expect(total.independent).toBeGreaterThan(100);
    expect(total.dependent).toBeGreaterThan(100);
    expect(total.different / total.dependent).toBeGreaterThan(0.25);
  });
});

/** Dependences that forget something, each with a guest that shows it. */
const FORGETFUL: readonly (readonly [string, string, (event: TraceEvent) => TraceEvent])[] = [
  [
    'that a hand-over aborts',
    'a counter in a section against a store, one vCPU',
    (event) => ({ ...event, isHandoverSensitive: false }),
  ],
  [
    'loads',
    'two loads and a store',
    (event) => ({ ...event, accesses: event.accesses.filter(({ isWrite }) => isWrite) }),
  ],
  [
    'stores',
    'two loads and a store',
    (event) => ({ ...event, accesses: event.accesses.filter(({ isWrite }) => !isWrite) }),
  ],
  [
    'the queue of a futex',
    'a futex: one of two waiters is woken, then the other',
    (event) => ({ ...event, objects: event.objects.filter((name) => !name.startsWith('futex')) }),
  ],
  [
    'that the end of a process ends everything',
    'the end of the process in the middle of it all',
    (event) => ({ ...event, isGlobal: false }),
  ],
];

test.each(FORGETFUL)('a dependence that forgets %s is found out', (_, name, forget) => {
  const { violations } = swapIn(name, (a, b) => areDependent(forget(a), forget(b)));
  expect(violations.length).toBeGreaterThan(0);
});
