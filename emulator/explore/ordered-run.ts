import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import type { Machine } from '../machine/machine.ts';
import type { Program } from '../machine/program.ts';
import { Ordering } from '../validate/dynamic/ordering/ordering.ts';
import { RunValidators } from '../validate/dynamic/run-validators.ts';
import { ReplayStrategy } from './strategies/replay.ts';

/** A run that was made, with all that determines it. */
export interface MadeRun {
  readonly program: Program;
  readonly profile: KernelProfile;
  readonly vcpus: number;
  readonly seed: number;
  readonly maxInstructions: number;
  readonly decisions: readonly Decision[];
}

/** A second look at a run: once it has ended, the validators know whether its tasks are ordered. */
export interface OrderedRun {
  readonly validators: RunValidators;
  readonly ordering: Ordering;
}

/**
 * Boots a machine that logs loads for a run that looked as if tasks touched each other's data.
 */
export function bootOrdered(machine: Machine, made: MadeRun): OrderedRun {
  const { program, profile, vcpus, seed, maxInstructions, decisions } = made;
  const validators = new RunValidators(machine, program.image, profile);
  const ordering = new Ordering(validators);
  machine.boot({
    ...{ program, profile, vcpus, seed, maxInstructions },
    strategy: new ReplayStrategy(decisions),
    output: () => {},
    watcher: validators,
    onAccess: ordering.onAccess,
    onSyscall: ordering.onSyscall,
  });
  return { validators, ordering };
}
