import { join } from 'node:path';
import { openUnicorn } from '../../emulator/engine/unicorn/engine.ts';
import { DefaultStrategy } from '../../emulator/explore/strategies/default.ts';
import { ReplayStrategy } from '../../emulator/explore/strategies/replay.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import type { Outcome } from '../../emulator/machine/outcome.ts';
import type { Program } from '../../emulator/machine/program.ts';
import type { MachineSnapshot, RunCounts } from '../../emulator/machine/run.ts';
import type { SectionCounts } from '../../emulator/machine/sections.ts';
import type { Strategy } from '../../emulator/machine/strategy.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { guestDir } from '../guest/guest-files.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const RAM_BYTES = 2 ** 30;
const TOUCHED_LIMIT_PAGES = 2 ** 13;

/** Opens a machine over Unicorn with less memory than the command line gives. */
export async function openTestMachine(ramBytes = RAM_BYTES): Promise<Machine> {
  let machine: Machine | undefined;
  const engine = openUnicorn({
    libraryPath: await unicornLibrary(),
    ramBytes,
    logReads: false,
    onLogFull: () => machine?.onLogFull(),
    onCodePage: (ramOffset) => machine?.onCodePage(ramOffset),
  });
  machine = new Machine(engine, TOUCHED_LIMIT_PAGES);
  return machine;
}

/** How a test runs a program; what is left out is the command line's default. */
export interface TestRun {
  readonly program: Program;
  readonly profile?: KernelProfile;
  readonly vcpus?: number;
  readonly seed?: number;
  readonly tick?: number;
  readonly escalate?: boolean;
  readonly maxInstructions?: number;
  readonly strategy?: Strategy;
}

/** A committed guest with its arguments. */
export function guest(file: string, ...args: readonly string[]): Program {
  return { image: loadProgram(join(guestDir, file)).image, args, env: [] };
}

export function defaultStrategy({ seed = 1, tick = 200, escalate = true }: Partial<TestRun>) {
  return new DefaultStrategy({ seed, tickInstructions: tick, escalate });
}

/** Boots a program, of which nothing has run then; returns what tells its output so far. */
export function boot(machine: Machine, run: TestRun): () => string {
  let output = '';
  machine.boot({
    program: run.program,
    profile: run.profile ?? LINUX_6_18,
    vcpus: run.vcpus ?? 2,
    seed: run.seed ?? 1,
    maxInstructions: run.maxInstructions ?? 10_000_000,
    strategy: run.strategy ?? defaultStrategy(run),
    output: (descriptor, bytes) => {
      output += `${descriptor}:${new TextDecoder().decode(bytes)}`;
    },
  });
  return () => output;
}

/** Everything about the end of a run that must be the same each time. */
export interface Ending {
  readonly outcome: Outcome | undefined;
  readonly stateHash: string;
  readonly counts: RunCounts;
  readonly sections: SectionCounts;
  readonly abortsAt: readonly (readonly [number, number])[];
  readonly decisions: readonly Decision[];
}

export function endingOf(machine: Machine): Ending {
  return {
    outcome: machine.outcome,
    stateHash: machine.stateHash(),
    counts: machine.counts,
    sections: machine.sections.counts,
    abortsAt: [...machine.sections.abortsAt].sort(([a], [b]) => a - b),
    decisions: machine.decisions,
  };
}

/** Runs a program to its end. */
export function runToEnd(machine: Machine, run: TestRun): Ending & { readonly output: string } {
  const output = boot(machine, run);
  machine.runToEnd();
  return { ...endingOf(machine), output: output() };
}

/** Runs a list of decisions to their end or the program's. */
export function replay(machine: Machine, run: TestRun, decisions: readonly Decision[]) {
  return runToEnd(machine, { ...run, strategy: new ReplayStrategy(decisions) });
}

/** A run with a snapshot before each decision, in order, and one at its end. */
export interface Filmed {
  readonly snapshots: readonly MachineSnapshot[];
  readonly ending: Ending;
}

export function film(machine: Machine, run: TestRun): Filmed {
  boot(machine, run);
  const snapshots = [machine.snapshot()];
  while (machine.step() === undefined) snapshots.push(machine.snapshot());
  snapshots.push(machine.snapshot());
  return { snapshots, ending: endingOf(machine) };
}
