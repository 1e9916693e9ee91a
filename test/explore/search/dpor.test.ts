import { beforeAll, describe, expect, test } from 'vitest';
import { areDependent } from '../../../emulator/explore/search/dependence.ts';
import { EventMachine } from '../../../emulator/explore/search/event-machine.ts';
import { SharedMemory } from '../../../emulator/explore/search/shared-memory.ts';
import { DporSearch } from '../../../emulator/explore/search/strategies/dpor.ts';
import { TallyCounter } from '../../../emulator/explore/search/tally-counter.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { type BruteForce, bruteForce } from './brute-force.ts';
import { EVENT_GUESTS, type EventGuest, explorerOf } from './event-guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

/** Counts everything, with failures. */
function reduce(guest: EventGuest): DporSearch {
  const search = new DporSearch(explorerOf(machine, guest), true);
  for (const _ of search.explore({ stage: 0, from: 0, to: 0 }, new TallyCounter()));
  return search;
}

function tryAll(guest: EventGuest): BruteForce {
  const explorer = explorerOf(machine, guest);
  const shared = new SharedMemory();
  for (;;) {
    const events = new EventMachine(explorer, shared, guest.hits);
    const found = bruteForce(events, () => JSON.stringify(explorer.machine.outcome));
    if (!shared.learn()) return found;
  }
}

const CASES = EVENT_GUESTS.map((guest) => [guest.name, guest] as const);

describe('each equivalence class is run once, and no more', () => {
  test.each(CASES)('%s', (_, guest) => {
    const { classes } = reduce(guest);
    const truth = tryAll(guest);
    expect(new Set(classes)).toEqual(truth.classes);
    expect(classes).toHaveLength(truth.classes.size);
    if (guest.known !== undefined)
      expect(classes, guest.known.because).toHaveLength(guest.known.classes);
  });
});

test('most of what brute force runs is left out', () => {
  const guest = EVENT_GUESTS.find(({ name }) => name === 'three stores to one word');
  if (guest === undefined) throw new Error('no such guest');
  const { classes, blocked } = reduce(guest);
  expect(classes.length + blocked).toBeLessThan(tryAll(guest).runs / 2);
});

test('a dependence that forgets loads would merge what is different', () => {
  const guest = EVENT_GUESTS.find(({ name }) => name === 'two loads and a store');
  if (guest === undefined) throw new Error('no such guest');
  const explorer = explorerOf(machine, guest);
  const shared = new SharedMemory();
  const found = (forgets: boolean) =>
    bruteForce(
      new EventMachine(explorer, shared, guest.hits),
      () => '',
      (a, b) => {
        const [one, other] = [a, b].map((event) => ({
          ...event,
          accesses: event.accesses.filter(({ isWrite }) => isWrite || !forgets),
        }));
        return one !== undefined && other !== undefined && areDependent(one, other);
      },
    ).classes.size;
  found(false);
  shared.learn();
  expect(found(true)).toBeLessThan(found(false));
});
