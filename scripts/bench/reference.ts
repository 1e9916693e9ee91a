import { join } from 'node:path';
import { execa } from 'execa';
import { type CProgram, compile } from './compile.ts';
import type { Timed } from './measure.ts';

const PROGRAM: CProgram = {
  name: 'reference',
  folder: join(import.meta.dirname, 'reference'),
  sources: ['unicorn.c', 'machine.c', 'kernel.c', 'loops.c', 'protocol.c'],
  headers: ['unicorn.h', 'machine.h', 'kernel.h', 'loops.h'],
  libraries: ['-ldl'],
};

/** A loop of the C program (the table in protocol.c). */
export type ReferenceLoop =
  | 'plain'
  | 'slices'
  | 'switches'
  | 'restores'
  | 'snapshots'
  | 'schedules';

/** What a loop of the C program reports. */
export interface ReferenceRun {
  readonly ns: number;
  /** Where its two CPUs are afterwards. */
  readonly instructionPointers: readonly number[];
}

/** The C program that does the same work: it runs until `close` and answers line by line. */
export interface Reference {
  /** The first line of `cc --version`. */
  readonly compiler: string;
  /** Sends one set-up command. */
  tell(command: string): Promise<void>;
  run(loop: ReferenceLoop, iterations: number, argument: number): Promise<ReferenceRun>;
  /** Sends one command and returns the numbers of its answer. */
  ask(command: string): Promise<number[]>;
  close(): Promise<void>;
}

/** Times a loop of the C program. */
export function referenceLoop(
  reference: Reference | undefined,
  loop: ReferenceLoop,
  argument: number,
): Timed | undefined {
  if (reference === undefined) return undefined;
  return async (iterations) => (await reference.run(loop, iterations, argument)).ns;
}

/** `undefined`, and why, where there is no compiler. Built once into `cacheDir`. */
export async function startReference(
  libraryPath: string,
  cacheDir: string,
  note: (line: string) => void,
): Promise<Reference | undefined> {
  const compiled = await compile(PROGRAM, cacheDir);
  if (compiled.kind === 'no compiler') {
    const { command } = compiled;
    note(`no C compiler (${command}): nothing to compare with, the reference columns stay empty`);
    return undefined;
  }
  return new ReferenceProcess(compiled.file, libraryPath, compiled.compiler);
}

class ReferenceProcess implements Reference {
  readonly compiler: string;
  readonly #process;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, libraryPath: string, compiler: string) {
    this.compiler = compiler;
    this.#process = execa(program, [libraryPath], { reject: false, buffer: false });
    this.#lines = this.#process.iterable()[Symbol.asyncIterator]();
  }

  async tell(command: string): Promise<void> {
    await this.#ask(command);
  }

  async ask(command: string): Promise<number[]> {
    return (await this.#ask(command)).map(Number);
  }

  async run(loop: ReferenceLoop, iterations: number, argument: number): Promise<ReferenceRun> {
    const [ns = Number.NaN, ...instructionPointers] = await this.ask(
      `run ${loop} ${iterations} ${argument}`,
    );
    return { ns, instructionPointers };
  }

  /** The words of the answer after `ok`. */
  async #ask(command: string): Promise<string[]> {
    this.#process.stdin.write(`${command}\n`);
    const answer = await this.#lines.next();
    const line: string = answer.done === true ? 'it ended' : answer.value;
    const [status, ...words] = line.split(' ');
    if (status !== 'ok') throw new Error(`the C reference, to "${command.slice(0, 60)}": ${line}`);
    return words;
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#process;
  }
}
