import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { STEP_POLICIES, type StepPolicyName } from '../../emulator/stepping/registry.ts';
import type { StepRecord } from '../../emulator/stepping/session.ts';
import { PROFILES, type ProfileName } from '../../kernel-model/rseq/registry.ts';
import { guest, openTestMachine } from '../machine/rig.ts';
import { stepThrough } from './rig.ts';

const INCREMENTS = 3;
/** The only thread that counts. */
const TASK = 2;

/** Far more steps than three increments take; who has done none by then is let go. */
const MAX_STEPS = 1500;

/** What becomes of a thread that counts under a scheme when it is stepped. */
type Fate = 'stuck' | 'ends';

/** The fates that differ between schemes; the other policies get through everywhere. */
const SCHEMES: readonly {
  readonly guest: string;
  readonly kernel: ProfileName;
  readonly native: Fate;
  readonly llSc: Fate;
}[] = [
  { guest: 'mainline', kernel: 'linux-6.18', native: 'stuck', llSc: 'ends' },
  { guest: 'mainline', kernel: 'linux-4.18', native: 'stuck', llSc: 'ends' },
  { guest: 'mainline', kernel: 'linux-7.1', native: 'stuck', llSc: 'ends' },
  { guest: 'turner-v1', kernel: 'turner-v1', native: 'stuck', llSc: 'ends' },
  // The counter advances only when another thread of the process was there.
  { guest: 'turner-v2', kernel: 'turner-v2', native: 'ends', llSc: 'ends' },
  { guest: 'lutomirski-2016', kernel: 'lutomirski-2016', native: 'ends', llSc: 'ends' },
  // The counter that every resume advances is read before anything is armed.
  { guest: 'desnoyers-2016a', kernel: 'desnoyers-2016a', native: 'stuck', llSc: 'stuck' },
  { guest: 'desnoyers-2016b', kernel: 'desnoyers-2016b', native: 'stuck', llSc: 'stuck' },
  { guest: 'rfc-2017', kernel: 'rfc-2017', native: 'stuck', llSc: 'ends' },
];

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

/** Sections that were got through while the task was stepped. */
function committedIn(steps: readonly StepRecord[]): number {
  return steps.flatMap(({ marks }) => marks).filter(({ kind }) => kind === 'committed').length;
}

function programOf(scheme: string) {
  return guest(`abi/${scheme}-counter-keyed.bin`, '1', String(INCREMENTS));
}

describe.each(SCHEMES)('a counter of $guest under $kernel', (scheme) => {
  const fates: Readonly<Record<StepPolicyName, Fate>> = {
    transparent: 'ends',
    'whole-section': 'ends',
    native: scheme.native,
    key: 'ends',
    'key-after-loop': 'ends',
    'll-sc': scheme.llSc,
  };

  test.each(Object.entries(STEP_POLICIES))('stepped %s', (name, kind) => {
    const run = { program: programOf(scheme.guest), profile: PROFILES[scheme.kernel], task: TASK };
    const { outcome, steps } = stepThrough(machine, { ...run, kind, maxSteps: MAX_STEPS });
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(machine.sections.counts.committed).toBe(INCREMENTS);
    const isStuck = fates[name as StepPolicyName] === 'stuck';
    expect(committedIn(steps)).toBe(isStuck ? 0 : INCREMENTS);
    expect(steps.length === MAX_STEPS).toBe(isStuck);
  });
});

test('stepped natively without end, the descriptor of 2016 is a livelock', () => {
  const { outcome } = stepThrough(machine, {
    program: programOf('desnoyers-2016b'),
    profile: PROFILES['desnoyers-2016b'],
    task: TASK,
    kind: STEP_POLICIES.native,
  });
  expect(outcome).toMatchObject({ kind: 'livelock', task: TASK });
  expect(machine.sections.counts).toMatchObject({ committed: 0, aborted: 10_000 });
});

describe('a thread that every stop may move to another CPU, under lutomirski-2016,', () => {
  function stepMoved(isPinned: boolean) {
    return stepThrough(machine, {
      program: programOf('lutomirski-2016'),
      profile: PROFILES['lutomirski-2016'],
      task: TASK,
      kind: STEP_POLICIES.native,
      maxSteps: MAX_STEPS,
      onStep: () => {
        const task = machine.kernel.state.tasks[TASK - 1];
        if (task === undefined || task.state.kind !== 'running') return;
        if (isPinned) task.affinity = 1n << BigInt(task.vcpu);
        else machine.apply({ kind: 'migrate', task: TASK, vcpu: 1 - task.vcpu });
      },
    });
  }

  test('never gets through single-stepped', () => {
    const { steps } = stepMoved(false);
    expect(steps).toHaveLength(MAX_STEPS);
    expect(committedIn(steps)).toBe(0);
  });

  test('gets through once it is pinned (claim C1)', () => {
    expect(stepMoved(true).outcome).toEqual({ kind: 'exit', status: 0 });
    expect(machine.sections.counts).toMatchObject({ committed: INCREMENTS, aborted: 0 });
  });
});

describe('the program with several entries and exits a key', () => {
  test.each(['key', 'key-after-loop'] as const)('gets through stepped %s', (name) => {
    const { outcome, steps } = stepThrough(machine, {
      program: guest('abi/turner-v2-keyed.bin', '2', '4'),
      profile: PROFILES['turner-v2'],
      task: TASK,
      kind: STEP_POLICIES[name],
      others: 'run',
      tick: 20,
    });
    expect(outcome).toEqual({ kind: 'exit', status: 0 });
    expect(steps.length).toBeGreaterThan(50);
  });
});
