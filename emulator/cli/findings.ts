import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { bootOrdered, type MadeRun } from '../explore/ordered-run.ts';
import { Rehearsal } from '../explore/rehearsal.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import { isPass, type Outcome } from '../machine/outcome.ts';
import type { RunValidators } from '../validate/dynamic/run-validators.ts';
import type { Finding } from '../validate/finding.ts';
import { outcomeOfFindings } from '../validate/verdict.ts';
import { runInterruptibly } from './run-interruptibly.ts';

/** A run that has ended, with all that determines it but its schedule. */
interface EndedRun {
  readonly machine: Machine;
  readonly watcher: RunValidators;
  readonly image: ProgramImage;
  readonly profile: KernelProfile;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cpus: number;
  readonly seed: number;
  readonly maxInstructions: number;
}

/** What validators say of a run; `outcome` is undefined for one that was interrupted. */
export interface ValidatedOutcome {
  readonly outcome: Outcome | undefined;
  readonly findings: readonly Finding[];
}

/**
 * The findings of a run. Where it looks as if tasks touched each other's data, the same schedule is run
 * again with every load logged, to see whether something orders them; and what the schedule only
 * spared is tried. `openAgain` gives a machine that logs loads.
 */
export async function settleFindings(
  run: EndedRun,
  openAgain: () => Promise<Machine>,
): Promise<ValidatedOutcome> {
  const { machine, watcher } = run;
  const { outcome } = machine;
  if (outcome === undefined || !watcher.isSuspicious)
    return { outcome, findings: watcher.findings };
  const again = await openAgain();
  const made: MadeRun = {
    program: { image: run.image, args: run.args, env: run.env },
    profile: run.profile,
    vcpus: run.cpus,
    seed: run.seed,
    maxInstructions: run.maxInstructions,
    decisions: machine.decisions,
  };
  const { validators, ordering } = bootOrdered(again, made);
  await runInterruptibly(again);
  if (again.outcome === undefined) return { outcome, findings: watcher.findings };
  const { findings: known } = validators;
  const rehearsal = new Rehearsal(again, { ...made, overlaps: ordering.overlaps, known });
  await runInterruptibly(rehearsal);
  const findings = [...known, ...rehearsal.findings];
  return {
    outcome: isPass(outcome) ? (outcomeOfFindings(findings) ?? outcome) : outcome,
    findings,
  };
}
