import type { Machine } from '../../emulator/machine/machine.ts';
import { STEP_LIMIT_INSTRUCTIONS, type StepPolicyKind } from '../../emulator/stepping/policy.ts';
import { assert } from '../../kernel-model/assert.ts';
import { type Ending, endingOf, guest, replay, runToEnd } from '../machine/rig.ts';
import { type Stepped, type SteppedRun, stepThrough } from './rig.ts';

/** Steps after which the task is let go, so that no policy can make a livelock. */
const MAX_STEPS = 400;

const RUNS: readonly Omit<SteppedRun, 'kind'>[] = [
  { program: guest('counter.bin', '2', '4'), task: 2 },
  { program: guest('list.bin', '2', '2'), task: 3, others: 'run' },
  { program: guest('counter.elf', '1', '1'), task: 1, vcpus: 1 },
];

/** What a policy did with one program. */
export interface Observation {
  readonly stepped: Stepped;
  readonly ending: Ending;
  /** The schedule of that run, played without a debugger. */
  readonly replayed: Ending;
  /** The program on its own. */
  readonly free: ReturnType<typeof runToEnd>;
}

/** Steps a few programs under a policy. */
export function observe(machine: Machine, kind: StepPolicyKind): readonly Observation[] {
  return RUNS.map((run) => {
    const stepped = stepThrough(machine, { ...run, kind, maxSteps: MAX_STEPS });
    const ending = endingOf(machine);
    const replayed = replay(machine, run, ending.decisions);
    return { stepped, ending, replayed, free: runToEnd(machine, run) };
  });
}

/** Each rule of StepPolicy, by name: asserts that it was kept. */
export const STEP_POLICY_CONTRACT: Readonly<Record<string, (seen: Observation) => void>> = {
  'a step retires an instruction at least, and no more than the limit': ({ stepped }) => {
    assert(stepped.steps.length > 0, 'the task was stepped');
    for (const { instructions, marks } of stepped.steps) {
      const isAborted = marks.some(({ kind }) => kind === 'aborted');
      assert(instructions >= 1 || isAborted, 'a step goes on');
      assert(instructions <= STEP_LIMIT_INSTRUCTIONS, 'a step ends');
    }
  },

  'the program does what it does without a debugger': ({ stepped, free }) => {
    const { outcome, output } = stepped;
    assert(outcome.kind === 'exit' && outcome.status === 0, 'it ends well');
    assert(output === free.output, 'it says the same');
  },

  'what was done replays from the schedule alone': ({ ending, replayed }) => {
    assert(replayed.stateHash === ending.stateHash, 'the same state');
    assert(JSON.stringify(replayed.outcome) === JSON.stringify(ending.outcome), 'the same end');
  },

  'outside of sections each instruction is a step': ({ stepped }) => {
    for (const { instructions, marks } of stepped.steps) {
      assert(instructions === 1 || marks.length > 0, 'one instruction', instructions);
    }
  },
};
