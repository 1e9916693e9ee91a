import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../emulator/errors.ts';
import type { Timed } from './measure.ts';

const SOURCE_DIR = join(import.meta.dirname, 'reference');
const SOURCES = ['unicorn.c', 'machine.c', 'kernel.c', 'loops.c', 'protocol.c'];
const HEADERS = ['unicorn.h', 'machine.h', 'kernel.h', 'loops.h'];
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra'];

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
  const [command = 'gcc', ...leading] = (process.env.CC || 'gcc').trim().split(/\s+/);
  const version = await execa(command, [...leading, '--version'], { reject: false });
  if (version.failed) {
    note(`no C compiler (${command}): nothing to compare with, the reference columns stay empty`);
    return undefined;
  }
  const compiler = version.stdout.split('\n')[0] ?? '';
  const program = await build([command, ...leading], compiler, join(cacheDir, 'bench'));
  return new ReferenceProcess(program, libraryPath, compiler);
}

async function build(
  command: readonly string[],
  compiler: string,
  folder: string,
): Promise<string> {
  const digest = createHash('sha256').update([...command, compiler, ...FLAGS].join('\0'));
  for (const file of [...HEADERS, ...SOURCES]) {
    digest.update(await readFile(join(SOURCE_DIR, file)));
  }
  const program = join(folder, `reference-${digest.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  await mkdir(folder, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  try {
    const [compile = '', ...leading] = command;
    const arguments_ = [...leading, ...FLAGS, '-o', unfinished, ...SOURCES, '-ldl'];
    const result = await execa(compile, arguments_, { cwd: SOURCE_DIR, reject: false });
    if (result.failed) {
      throw new UserError('reference-does-not-compile', `bench: ${result.shortMessage}`);
    }
    await rename(unfinished, program);
  } finally {
    await rm(unfinished, { force: true });
  }
  return program;
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
