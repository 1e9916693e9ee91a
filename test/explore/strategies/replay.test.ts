import { beforeAll, describe, expect, test } from 'vitest';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { ScheduleDivergence } from '../../../emulator/machine/strategy.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import {
  type Ending,
  guest,
  openTestMachine,
  replay,
  runToEnd,
  type TestRun,
} from '../../machine/rig.ts';

const RUN: Decision = { kind: 'run', vcpu: 0, instructions: 5 };
const PLACE: Decision = { kind: 'place', task: 2, vcpu: 1 };
const WAKE: Decision = { kind: 'wake', task: 3 };
const placePoint: ChoicePoint = { kind: 'place', task: 2, candidates: [0, 1] };
const wakePoint: ChoicePoint = { kind: 'wake', candidates: [2, 3, 4] };

describe('a replay', () => {
  test('gives its decisions in order, and counts them', () => {
    const strategy = new ReplayStrategy([RUN, PLACE, WAKE, RUN]);
    expect(strategy.next()).toEqual(RUN);
    expect(strategy.choose(placePoint)).toBe(1);
    expect(strategy.choose(wakePoint)).toBe(1);
    expect(strategy.position).toBe(3);
    expect(strategy.next()).toEqual(RUN);
    expect(strategy.position).toBe(4);
  });

  test('diverges at its end', () => {
    expect(() => new ReplayStrategy([]).next()).toThrow(ScheduleDivergence);
    expect(() => new ReplayStrategy([]).next()).toThrow('the schedule ends after 0 decisions');
    expect(() => new ReplayStrategy([]).choose(wakePoint)).toThrow(ScheduleDivergence);
  });

  test.each<readonly [string, Decision, ChoicePoint]>([
    ['another kind of answer', WAKE, placePoint],
    ['no answer at all', RUN, placePoint],
    ['the place of another task', { ...PLACE, task: 9 }, placePoint],
    ['a place that is no candidate', { ...PLACE, vcpu: 5 }, placePoint],
    ['a waiter that is no candidate', { ...WAKE, task: 9 }, wakePoint],
  ])('diverges if it has %s for a question', (_, decision, point) => {
    expect(() => new ReplayStrategy([decision]).choose(point)).toThrow(ScheduleDivergence);
  });
});

function shorten(decision: Decision): Decision[] {
  if (decision.kind !== 'run') return [decision];
  return [{ ...decision, instructions: Math.ceil(decision.instructions / 2) }];
}

describe('a recording', () => {
  const run: TestRun = { program: guest('counter.bin', '3', '4'), tick: 9, vcpus: 1 };
  let machine: Machine;
  let recorded: Ending;

  beforeAll(async () => {
    machine = await openTestMachine();
    recorded = runToEnd(machine, run);
  });

  function changed(index: number, change: (decision: Decision) => Decision[]): Decision[] {
    return recorded.decisions.flatMap((one, i) => (i === index ? change(one) : [one]));
  }

  test('that is cut short anywhere diverges there', () => {
    for (let length = 0; length < recorded.decisions.length; length++) {
      const { outcome, decisions } = replay(machine, run, recorded.decisions.slice(0, length));
      expect(outcome).toMatchObject({ kind: 'diverged' });
      expect(decisions).toEqual(recorded.decisions.slice(0, length));
    }
  });

  test('that goes on is played no further than the program', () => {
    const strategy = new ReplayStrategy([...recorded.decisions, RUN]);
    expect(runToEnd(machine, { ...run, strategy })).toMatchObject({
      stateHash: recorded.stateHash,
    });
    expect(strategy.position).toBe(recorded.decisions.length);
  });

  test('with a decision left out or a slice cut short mostly ends elsewhere', () => {
    let different = 0;
    recorded.decisions.forEach((_, index) => {
      const without = replay(
        machine,
        run,
        changed(index, () => []),
      );
      if (without.stateHash !== recorded.stateHash) different++;
      const shorter = replay(machine, run, changed(index, shorten));
      if (shorter.stateHash !== recorded.stateHash) different++;
    });
    expect(different).toBeGreaterThan(recorded.decisions.length);
  });

  test('with a slice on a vCPU that there is not diverges at that slice', () => {
    recorded.decisions.forEach((decision, index) => {
      if (decision.kind !== 'run') return;
      const { outcome, decisions } = replay(
        machine,
        run,
        changed(index, () => [{ ...decision, vcpu: 7 }]),
      );
      expect(outcome).toEqual({
        kind: 'diverged',
        detail: `decision r7:${decision.instructions}: no such vCPU`,
      });
      expect(decisions.length).toBe(index);
    });
  });

  test('for another number of vCPUs diverges', () => {
    expect(replay(machine, { ...run, vcpus: 2 }, recorded.decisions).outcome).toMatchObject({
      kind: 'diverged',
    });
  });
});
