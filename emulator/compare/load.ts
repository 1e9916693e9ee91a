import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { AttemptCounts } from './attempts.ts';
import type { HookCounts } from './counting-variant.ts';
import { bootMeasured, plainScheduler } from './subject.ts';

/** How heavily a program is interrupted. */
export interface Load {
  readonly vcpus: number;
  /** `undefined`: as many as the program's own arguments say. */
  readonly tasksPerVcpu: number | undefined;
  /** Mean slice. */
  readonly tickInstructions: number;
}

/** One run under the default scheduler, without slice escalation. */
export interface LoadRow extends Load {
  readonly outcome: Outcome;
  readonly instructions: number;
  readonly preemptions: number;
  readonly migrations: number;
  readonly entered: number;
  readonly attempts: AttemptCounts;
  readonly hooks: HookCounts;
}

/** A run that needs more gets nowhere. */
const INSTRUCTIONS_MAX = 400_000;

/** Runs a program to its end, or until it is clear that it gets nowhere, under one load. */
export function runUnderLoad(
  machine: Machine,
  {
    profile,
    image,
    args,
  }: { profile: KernelProfile; image: ProgramImage; args: readonly string[] },
  load: Load,
  maxInstructions = INSTRUCTIONS_MAX,
): LoadRow {
  const { kernel, attempts } = bootMeasured(machine, {
    profile,
    image,
    args,
    vcpus: load.vcpus,
    maxInstructions,
    strategy: plainScheduler(load.tickInstructions),
  });
  const outcome = machine.runToEnd();
  const { instructions, preemptions, migrations } = machine.counts;
  return {
    ...load,
    outcome,
    instructions,
    preemptions,
    migrations,
    entered: machine.sections.counts.entered,
    attempts: attempts.counts,
    hooks: kernel.counts,
  };
}

/** What `emulate` and a reader may call through: the program ended by itself with status 0. */
export function isThrough({ outcome }: Pick<LoadRow, 'outcome'>): boolean {
  return outcome.kind === 'exit' && outcome.status === 0;
}

/** Restarts that an ABI made, by the kernel or by its own comparison. */
export function restartsOf({ aborted, refused }: AttemptCounts): number {
  return aborted + refused;
}
