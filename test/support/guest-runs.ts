import { join } from 'node:path';
import { DefaultStrategy } from '../../emulator/explore/strategies/default.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Outcome } from '../../emulator/machine/outcome.ts';
import type { RunOptions } from '../../emulator/machine/run.ts';
import type { Strategy } from '../../emulator/machine/strategy.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { guestDir } from '../guest/guest-files.ts';

/** How a committed guest is run; what is left out is the command line's default. */
export interface GuestRun {
  /** File in guest/, such as `counter.bin`. */
  readonly guest: string;
  readonly args?: readonly string[];
  readonly cpus?: number;
  readonly tick?: number;
  readonly seed?: number;
  readonly profile?: KernelProfile;
  readonly escalate?: boolean;
  readonly maxInstructions?: number;
  /** In place of the default scheduler. */
  readonly strategy?: Strategy;
}

/** What came of it. */
export interface GuestResult {
  readonly outcome: Outcome;
  readonly stdout: string;
  readonly stderr: string;
  readonly stateHash: string;
  readonly decisions: readonly Decision[];
  readonly instructions: number;
}

/** Boots a committed guest; `output` takes what it writes. */
export function bootGuest(
  machine: Machine,
  run: GuestRun,
  output: RunOptions['output'] = () => {},
): void {
  const seed = run.seed ?? 1;
  machine.boot({
    program: {
      image: loadProgram(join(guestDir, run.guest)).image,
      args: run.args ?? [],
      env: [],
    },
    profile: run.profile ?? LINUX_6_18,
    vcpus: run.cpus ?? 2,
    seed,
    maxInstructions: run.maxInstructions ?? 100_000_000,
    strategy:
      run.strategy ??
      new DefaultStrategy({
        seed,
        tickInstructions: run.tick ?? 200,
        escalate: run.escalate ?? true,
      }),
    output,
  });
}

/** Boots and runs a committed guest to its end. */
export function runGuest(machine: Machine, run: GuestRun): GuestResult {
  const output = { 1: '', 2: '' };
  bootGuest(machine, run, (descriptor, bytes) => {
    output[descriptor] += new TextDecoder().decode(bytes);
  });
  const outcome = machine.runToEnd();
  return {
    outcome,
    stdout: output[1],
    stderr: output[2],
    stateHash: machine.stateHash(),
    decisions: machine.decisions,
    instructions: machine.counts.instructions,
  };
}
