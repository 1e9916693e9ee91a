import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { judge } from '../../scripts/mutate/judge.ts';
import { mutantsOf } from '../../scripts/mutate/mutants.ts';
import { OPERATOR_NAMES } from '../../scripts/mutate/registry.ts';
import { rowOf } from '../../scripts/mutate/report.ts';
import { readSubjects } from '../../scripts/mutate/subjects.ts';
import { main } from '../../scripts/mutate.ts';
import { guestDir } from '../guest/guest-files.ts';
import { openTestMachine } from '../machine/rig.ts';

const SEARCH_SECONDS = 120;
const timeoutMilliseconds = 240_000;
/** `npm run mutate` judges them all. */
const MUTANTS_MIN = 200;

const mutants = readSubjects(guestDir).flatMap((subject) => [...mutantsOf(subject)]);

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

describe('mutants', () => {
  test('are many, each with its own name, and of every kind', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(MUTANTS_MIN);
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    const operators = new Set(mutants.map(({ operator }) => operator));
    expect([...operators].toSorted()).toEqual([...OPERATOR_NAMES].toSorted());
  });

  test('differ from the guest that they are made of', () => {
    for (const { id, bytes, subject } of mutants) {
      expect(Buffer.compare(bytes, subject.bytes), id).not.toBe(0);
    }
  });
});

test.each([
  [['--only', 'no such mutant'], /--only matches no mutant/],
  [['--only', 'counter', '--json', '/nonexistent/x'], /cannot write \/nonexistent\/x/],
])('%j is refused before anything is judged', async (args, message) => {
  await expect(main(args)).rejects.toThrow(message);
});

describe('brute force and the search agree', () => {
  test.each([
    ['counter:1/shift-start/2', 'fail'],
    ['counter:1/shift-end/2', 'fail'],
    ['counter:1/skip-rearm/2', 'fail'],
    ['counter:2/reorder-stores/1', 'fail'],
    ['counter:2/shift-start/1', 'pass'],
    // Both tasks go round a short loop for ever, and the budget is small.
    ['counter:1/wrong-register/1', 'fail'],
    ['counter:1/wrong-register/2', 'fail'],
    ['counter:2/wrong-register/1', 'fail'],
    // Fails at instructions that no task comes to in the plain run.
    ['bugs/s14-no-fence-fixed:2/shift-end/2', 'fail'],
    ['bugs/s14-no-fence-fixed:2/skip-rearm/1', 'fail'],
    // Fails in the third section of a thread that interrupts: two interruptions for the search.
    ['bugs/s15-aba-fixed:1/shift-end/3', 'fail'],
  ])(
    '%s',
    (id, verdict) => {
      const mutant = mutants.find((each) => each.id === id);
      if (mutant === undefined) throw new Error(`there is no mutant ${id}`);
      const row = rowOf(mutant, judge(machine, mutant.subject, mutant.bytes, SEARCH_SECONDS));
      expect(row).toMatchObject({ truth: { verdict }, search: { verdict }, agrees: true });
      expect(row.search.interruptions.length).toBeGreaterThanOrEqual(
        row.truth.interruptions.length,
      );
    },
    timeoutMilliseconds,
  );
});
