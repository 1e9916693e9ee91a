import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import { SCHEDULE_SCHEMA, type Schedule } from '../machine/schedule.ts';
import type { RunSettings } from './run-report.ts';

/** What a schedule holds besides what the machine knows. */
export interface ScheduleInputs extends RunSettings {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly maxInstructions: number;
  /** The outcome in the light of findings, if that is another one than the machine's. */
  readonly outcome?: Outcome | undefined;
}

/** The schedule of the run that `machine` has finished; `undefined` if it has not ended. */
export function recordSchedule(
  machine: Machine,
  image: ProgramImage,
  inputs: ScheduleInputs,
): Schedule | undefined {
  const outcome = inputs.outcome ?? machine.outcome;
  if (outcome === undefined) return undefined;
  return {
    schema: SCHEDULE_SCHEMA,
    guest: { path: image.path, sha256: image.sha256, args: inputs.args, env: inputs.env },
    engine: machine.engineId,
    kernel: inputs.kernel,
    cpus: inputs.cpus,
    seed: inputs.seed,
    tick: inputs.tick,
    maxInstructions: inputs.maxInstructions,
    memoryModel: 'SC',
    decisions: machine.decisions,
    outcome,
    instructions: machine.counts.instructions,
    stateHash: machine.stateHash(),
  };
}
