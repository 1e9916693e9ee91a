import { join } from 'node:path';
import { settleFindings } from '../../../emulator/cli/findings.ts';
import { DefaultStrategy } from '../../../emulator/explore/strategies/default.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Outcome } from '../../../emulator/machine/outcome.ts';
import type { Strategy } from '../../../emulator/machine/strategy.ts';
import { RunValidators } from '../../../emulator/validate/dynamic/run-validators.ts';
import type { Validator } from '../../../emulator/validate/dynamic/validator.ts';
import type { Finding } from '../../../emulator/validate/finding.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import type { RuleRun } from '../../../scripts/guests.ts';
import { guestDir } from '../../guest/guest-files.ts';

/** How a committed guest is run under validators; what is left out is the command line's default. */
export interface WatchedRun {
  readonly file: string;
  readonly kernel?: string | undefined;
  readonly args?: readonly string[];
  readonly cpus?: number;
  readonly tick?: number;
  readonly seed?: number;
  readonly escalate?: boolean;
  readonly maxInstructions?: number;
  readonly validators?: readonly Validator[];
  readonly strategy?: Strategy;
}

/** What came of it. */
export interface WatchedResult {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
}

/** The run of a rule's guest as the manifest has it. */
export function runOf({ files, settings }: RuleRun, form: 'bin' | 'elf' = 'bin'): WatchedRun {
  return { file: files[form].path, ...settings };
}

function profileOf(kernel = 'linux-6.18'): KernelProfile {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  return profile;
}

const DEFAULTS = { cpus: 2, seed: 1, maxInstructions: 10_000_000 };

/** Boots a guest under validators, of which nothing has run then. */
export function bootWatched(machine: Machine, run: WatchedRun): RunValidators {
  const { seed = DEFAULTS.seed, tick = 200, escalate = true } = run;
  const profile = profileOf(run.kernel);
  const { image } = loadProgram(join(guestDir, run.file));
  const watcher = new RunValidators(machine, image, profile, run.validators);
  machine.boot({
    program: { image, args: run.args ?? [], env: [] },
    profile,
    vcpus: run.cpus ?? DEFAULTS.cpus,
    seed,
    maxInstructions: run.maxInstructions ?? DEFAULTS.maxInstructions,
    strategy: run.strategy ?? new DefaultStrategy({ seed, tickInstructions: tick, escalate }),
    output: () => {},
    watcher,
  });
  return watcher;
}

export function runWatched(machine: Machine, run: WatchedRun): WatchedResult {
  const watcher = bootWatched(machine, run);
  const outcome = machine.runToEnd();
  return { outcome, findings: watcher.findings };
}

/** The same with all there is to find: a suspicious run is made again, on a machine that logs loads. */
export async function runSettled(
  machine: Machine,
  again: Machine,
  run: WatchedRun,
): Promise<WatchedResult> {
  const watcher = bootWatched(machine, run);
  machine.runToEnd();
  const { outcome, findings } = await settleFindings(
    {
      ...{ machine, watcher, profile: profileOf(run.kernel), env: [], args: run.args ?? [] },
      image: loadProgram(join(guestDir, run.file)).image,
      cpus: run.cpus ?? DEFAULTS.cpus,
      seed: run.seed ?? DEFAULTS.seed,
      maxInstructions: run.maxInstructions ?? DEFAULTS.maxInstructions,
    },
    async () => again,
  );
  if (outcome === undefined) throw new Error('the run has ended');
  return { outcome, findings };
}

/** The rules of some findings, each once, in order. */
export function rulesOf(findings: readonly Finding[]): readonly string[] {
  return [...new Set(findings.map(({ rule }) => rule))];
}
