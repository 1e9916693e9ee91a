import { execa } from 'execa';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { exitStatusOf } from '../../../emulator/machine/outcome.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { PatientStrategy } from './patient-strategy.ts';

/** Lines that judge-guest printed, and how it ended: 0, or 128 and the signal that killed it. */
interface GuestRun {
  readonly lines: readonly string[];
  readonly status: number;
}

type Runner = (scripts: readonly string[]) => Promise<GuestRun> | GuestRun;

/** Scripts of one process; the arguments of a program have to fit into 128 pages. */
const SCRIPTS_PER_PROCESS = 64;
const MAX_INSTRUCTIONS = 50_000_000;

/** The answer to each script. One that kills its process ends in the status. */
export async function answerScripts(run: Runner, scripts: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  while (answers.length < scripts.length) {
    const batch = scripts.slice(answers.length, answers.length + SCRIPTS_PER_PROCESS);
    const { lines, status } = await run(batch);
    if (status === 0) {
      if (lines.length !== batch.length) throw new Error('a line for each script');
      answers.push(...lines.map((line) => line.trimEnd()));
      continue;
    }
    const whole = lines.slice(0, -1).map((line) => line.trimEnd());
    answers.push(...whole, `${lines.at(-1) ?? ''}killed ${status}`);
  }
  return answers;
}

/** Runs the guest on the kernel of this machine. */
export function nativeRunner(program: string): Runner {
  return async (scripts) => {
    const result = await execa(program, scripts, { reject: false, stripFinalNewline: false });
    const status = result.signal === undefined ? result.exitCode : STATUS_OF[result.signal];
    if (status === undefined) throw new Error(result.message ?? 'it did not end');
    return { lines: toLines(result.stdout, status), status };
  };
}

const STATUS_OF: Readonly<Record<string, number>> = {
  SIGILL: 132,
  SIGTRAP: 133,
  SIGBUS: 135,
  SIGFPE: 136,
  SIGUSR1: 138,
  SIGSEGV: 139,
  SIGTERM: 143,
};

/** Runs it in the emulator. */
export function emulatedRunner(machine: Machine, path: string, profile: KernelProfile): Runner {
  const { image } = loadProgram(path);
  return (scripts) => {
    let output = '';
    machine.boot({
      program: { image, args: scripts, env: [] },
      profile,
      vcpus: 2,
      seed: 1,
      maxInstructions: MAX_INSTRUCTIONS,
      strategy: new PatientStrategy(),
      output: (_, bytes) => {
        output += new TextDecoder('latin1').decode(bytes);
      },
    });
    const outcome = machine.runToEnd();
    if (outcome.kind !== 'exit' && outcome.kind !== 'signal') {
      throw new Error(`${outcome.kind}: ${JSON.stringify(outcome)} after ${output.slice(-400)}`);
    }
    const status = exitStatusOf(outcome);
    return { lines: toLines(output, status), status };
  };
}

/** A process that was killed has left its last line unfinished. */
function toLines(output: string, status: number): string[] {
  const lines = output.split('\n');
  return status === 0 ? lines.slice(0, -1) : lines;
}
