import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { ScheduleDivergence, type Strategy } from '../../emulator/machine/strategy.ts';
import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';
import { boot, endingOf, guest, openTestMachine, replay, runToEnd, type TestRun } from './rig.ts';

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

const RUNS: readonly (readonly [name: string, run: TestRun])[] = [
  ['counter', { program: guest('counter.bin', '3', '20'), tick: 20 }],
  ['counter as ELF', { program: guest('counter.elf', '3', '20'), tick: 20 }],
  ['list', { program: guest('list.bin', '3', '10'), tick: 30, vcpus: 3 }],
  ['buffer', { program: guest('buffer.bin', '3', '10'), tick: 30 }],
  ['memcpy-buffer', { program: guest('memcpy-buffer.bin', '3', '10'), tick: 50, seed: 2 }],
  ['spinlock', { program: guest('spinlock.bin', '3', '10'), tick: 30, vcpus: 1 }],
  ['migrate', { program: guest('migrate.bin', '3', '10'), tick: 40, vcpus: 4 }],
  ['more tasks than CPUs of the engine', { program: guest('counter.bin', '20', '5'), tick: 25 }],
];

describe.each(RUNS)('%s', (_, run) => {
  test('is the same run each time, on a machine that did other things before', () => {
    const first = runToEnd(machine, run);
    expect(first.outcome).toEqual({ kind: 'exit', status: 0 });
    runToEnd(machine, { program: guest('list.bin', '2', '5') });
    expect(runToEnd(machine, run)).toEqual(first);
    expect(runToEnd(machine, run)).toEqual(first);
  });

  test('is the same run on a new machine', async () => {
    const first = runToEnd(machine, run);
    const fresh = await openTestMachine();
    expect(runToEnd(fresh, run)).toEqual(first);
  });

  test('is another run with another seed', () => {
    const hashes = [1, 2, 3, 4].map((seed) => runToEnd(machine, { ...run, seed }).stateHash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('replays to the same end from its decisions', () => {
    const first = runToEnd(machine, run);
    expect(replay(machine, run, first.decisions)).toEqual(first);
  });

  test.each([1, 7])('comes to the same end in slices of %i instructions', (length) => {
    const { steps, ending } = recordSteps(run);
    const cut = runToEnd(machine, { ...run, strategy: new CuttingStrategy(steps, length) });
    expect({ ...cut, decisions: [], output: '' }).toEqual({ ...ending, decisions: [], output: '' });
    expect(cut.decisions.length).toBeGreaterThan(ending.decisions.length);
  });
});

/** A decision with those that answered questions in its course, and what it retired. */
interface Step {
  readonly decisions: readonly Decision[];
  readonly retired: number;
}

function recordSteps(run: TestRun) {
  boot(machine, run);
  const steps: Step[] = [];
  while (machine.outcome === undefined) {
    const before = { count: machine.decisionCount, retired: machine.counts.instructions };
    machine.step();
    steps.push({
      decisions: machine.decisions.slice(before.count),
      retired: machine.counts.instructions - before.retired,
    });
  }
  return { steps, ending: endingOf(machine) };
}

/** Plays recorded steps, each slice in pieces. */
class CuttingStrategy implements Strategy {
  readonly #steps: Step[];
  readonly #length: number;
  #answers: Decision[] = [];
  #vcpu = 0;
  #left = 0;

  constructor(steps: readonly Step[], length: number) {
    this.#steps = [...steps];
    this.#length = length;
  }

  next(): Decision {
    if (this.#left === 0) {
      const step = this.#steps.shift();
      const [first, ...answers] = step?.decisions ?? [];
      if (step === undefined || first === undefined) throw new ScheduleDivergence('too long');
      this.#answers = answers;
      if (first.kind !== 'run') return first;
      this.#vcpu = first.vcpu;
      this.#left = step.retired;
    }
    const instructions = Math.min(this.#left, this.#length);
    this.#left -= instructions;
    return { kind: 'run', vcpu: this.#vcpu, instructions };
  }

  choose(point: ChoicePoint): number {
    const answer = this.#answers.shift();
    if (answer?.kind === 'place' && point.kind === 'place') {
      return point.candidates.indexOf(answer.vcpu);
    }
    return answer?.kind === 'wake' ? point.candidates.indexOf(answer.task) : -1;
  }
}
