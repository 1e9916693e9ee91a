import type { Machine } from '../../emulator/machine/machine.ts';
import type { Outcome } from '../../emulator/machine/outcome.ts';
import type { StepPolicyKind } from '../../emulator/stepping/policy.ts';
import { SteppingSession, type StepRecord } from '../../emulator/stepping/session.ts';
import type { OtherTasks } from '../../emulator/stepping/strategy.ts';
import { boot, defaultStrategy, type TestRun } from '../machine/rig.ts';

/** How a test steps a program; what is left out is the command line's default. */
export interface SteppedRun extends TestRun {
  readonly kind: StepPolicyKind;
  readonly task?: number;
  readonly others?: OtherTasks;
  readonly from?: number;
  readonly maxSteps?: number;
  /** Called after each step. */
  readonly onStep?: () => void;
}

/** A run with one task stepped, at its end. */
export interface Stepped {
  readonly outcome: Outcome;
  readonly output: string;
  readonly steps: readonly StepRecord[];
}

/** Steps a task of a program to the end of the run; the machine is left there. */
export function stepThrough(machine: Machine, run: SteppedRun): Stepped {
  const scheduler = defaultStrategy(run);
  const output = boot(machine, { ...run, strategy: scheduler });
  const steps: StepRecord[] = [];
  const session = new SteppingSession(
    machine,
    {
      task: run.task ?? 1,
      policy: run.kind.make(run.program.image),
      others: run.others ?? 'hold',
      from: run.from,
      maxSteps: run.maxSteps,
      scheduler,
    },
    (step) => {
      steps.push(step);
      run.onStep?.();
    },
  );
  const outcome = session.runToEnd();
  return { outcome, output: output(), steps };
}
