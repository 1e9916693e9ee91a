import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../emulator/errors.ts';

const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra'];

/** A C program of the bench. */
export interface CProgram {
  /** What its compiled file is called. */
  readonly name: string;
  readonly folder: string;
  readonly sources: readonly string[];
  readonly headers: readonly string[];
  readonly libraries: readonly string[];
}

/** What became of a C program. */
export type Compiled =
  /** `compiler` is the first line of its `--version`. */
  | { readonly kind: 'compiled'; readonly file: string; readonly compiler: string }
  | { readonly kind: 'no compiler'; readonly command: string };

/**
 * Compiles a program with `$CC` or gcc, once into `cacheDir`.
 * @throws UserError where it does not compile
 */
export async function compile(program: CProgram, cacheDir: string): Promise<Compiled> {
  const [command = 'gcc', ...leading] = (process.env.CC || 'gcc').trim().split(/\s+/);
  const version = await execa(command, [...leading, '--version'], { reject: false });
  if (version.failed) return { kind: 'no compiler', command };
  const compiler = version.stdout.split('\n')[0] ?? '';
  const folder = join(cacheDir, 'bench');
  const digest = await digestOf(program, [command, ...leading, compiler]);
  const file = join(folder, `${program.name}-${digest}`);
  if (!existsSync(file)) await build(program, [command, ...leading], folder, file);
  return { kind: 'compiled', file, compiler };
}

async function digestOf(
  { folder, sources, headers, libraries }: CProgram,
  command: readonly string[],
): Promise<string> {
  const digest = createHash('sha256').update([...command, ...FLAGS, ...libraries].join('\0'));
  for (const name of [...headers, ...sources]) digest.update(await readFile(join(folder, name)));
  return digest.digest('hex').slice(0, 16);
}

async function build(
  { sources, libraries, folder: cwd }: CProgram,
  [compiler = '', ...leading]: readonly string[],
  folder: string,
  file: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  try {
    const arguments_ = [...leading, ...FLAGS, '-o', unfinished, ...sources, ...libraries];
    const result = await execa(compiler, arguments_, { cwd, reject: false });
    if (result.failed) {
      throw new UserError('reference-does-not-compile', `bench: ${result.shortMessage}`);
    }
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
}
