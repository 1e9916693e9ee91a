import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { ScheduleView, Strategy } from '../../emulator/machine/strategy.ts';
import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';
import { isAllowed, taskOf } from '../../kernel-model/sched/run-queue.ts';
import { expectConsistent } from '../kernel-model/sched/invariants.ts';
import { isFullRun } from '../support/matrix.ts';
import { boot, defaultStrategy, guest, openTestMachine, type TestRun } from './rig.ts';

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

/** All decisions that can be carried out now; slices are `length` instructions long. */
function possibleDecisions({ state }: ScheduleView, length: number): Decision[] {
  const decisions: Decision[] = [];
  for (const { id: vcpu, current, queue } of state.vcpus) {
    decisions.push({ kind: 'fence', vcpu });
    if (current !== 0) decisions.push({ kind: 'run', vcpu, instructions: length });
    const candidates = current === 0 ? queue : [...queue, current];
    for (const task of candidates) {
      decisions.push({ kind: 'switch', vcpu, task });
      const { affinity } = taskOf(state, task);
      for (const { id: other } of state.vcpus) {
        if (other === vcpu || !isAllowed(affinity, other)) continue;
        decisions.push({ kind: 'migrate', task, vcpu: other });
      }
    }
  }
  return decisions;
}

/** Draws from all possible decisions, slices as often as the rest together. */
class DrawnStrategy implements Strategy {
  readonly #draws: Iterator<number>;
  readonly #length: number;

  constructor(draws: Iterator<number>, length: number) {
    this.#draws = draws;
    this.#length = length;
  }

  #draw(count: number): number {
    return Number(this.#draws.next().value) % count;
  }

  next(view: ScheduleView): Decision {
    const possible = possibleDecisions(view, 1 + this.#draw(this.#length));
    const slices = possible.filter(({ kind }) => kind === 'run');
    const pool = slices.length > 0 && this.#draw(2) === 0 ? slices : possible;
    const decision = pool[this.#draw(pool.length)];
    if (decision === undefined) throw new Error('something can be done');
    return decision;
  }

  choose(point: ChoicePoint): number {
    return this.#draw(point.candidates.length);
  }
}

function expectCounted(): void {
  const { entered, committed, aborted, exited } = machine.sections.counts;
  const { tasks } = machine.kernel.state;
  const inFlight = tasks.filter(({ id }) => machine.sections.inFlight(id) !== undefined).length;
  expect(entered).toBe(committed + aborted + exited + inFlight);
}

/** A correct guest: whatever is decided, its own check at the end passes. */
interface CorrectGuest {
  readonly run: TestRun;
  readonly stdout: string;
}

const GUESTS: Readonly<Record<string, CorrectGuest>> = {
  counter: {
    run: { program: guest('counter.bin', '2', '8'), vcpus: 2 },
    stdout: '1:counter: 2 tasks x 8 = 16 ok\n',
  },
  'counter with three tasks': {
    run: { program: guest('counter.bin', '3', '5'), vcpus: 3 },
    stdout: '1:counter: 3 tasks x 5 = 15 ok\n',
  },
  migrate: {
    run: { program: guest('migrate.bin', '2', '4'), vcpus: 3 },
    stdout: '',
  },
  list: { run: { program: guest('list.bin', '2', '4'), vcpus: 2 }, stdout: '' },
};

describe.each(Object.entries(GUESTS))('%s', (_, { run, stdout }) => {
  test('holds under any decisions, and so do the invariants', { timeout: 900_000 }, () => {
    const draws = fc.infiniteStream(fc.nat());
    const length = fc.constantFrom(1, 3, 10, 40);
    let aborted = 0;
    const property = fc.property(draws, length, fc.nat(600), (stream, slice, steps) => {
      const strategy = new DrawnStrategy(stream, slice);
      const output = boot(machine, { ...run, strategy, maxInstructions: 1_000_000 });
      for (let i = 0; i < steps && machine.outcome === undefined; i++) {
        machine.step();
        if (machine.outcome !== undefined) break;
        expectConsistent(machine.kernel.state);
        expectCounted();
      }
      const rest = defaultStrategy({ tick: 100 });
      while (machine.outcome === undefined) machine.step(rest);
      expect(machine.outcome).toEqual({ kind: 'exit', status: 0 });
      expect(output()).toContain(stdout);
      aborted += machine.sections.counts.aborted;
    });
    fc.assert(property, { numRuns: isFullRun ? 500 : 25, seed: 1 });
    expect(aborted).toBeGreaterThan(0);
  });
});

test('an unprotected counter loses updates under some decisions', () => {
  const run = { program: guest('counter-unprotected.bin', '2', '20'), vcpus: 1 };
  const samples = fc.sample(fc.infiniteStream(fc.nat()), { numRuns: 20, seed: 1 });
  const outcomes = samples.map((stream) => {
    boot(machine, { ...run, strategy: new DrawnStrategy(stream, 10) });
    for (let i = 0; i < 2000 && machine.outcome === undefined; i++) machine.step();
    const rest = defaultStrategy({ tick: 7 });
    while (machine.outcome === undefined) machine.step(rest);
    return machine.outcome;
  });
  expect(outcomes).toContainEqual({ kind: 'exit', status: 1 });
});
