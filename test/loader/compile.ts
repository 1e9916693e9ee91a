import { join } from 'node:path';
import { execa } from 'execa';
import type { TestContext } from 'vitest';
import { temporaryFolder } from './files.ts';

/** The source that shows how a kernel started it; see its head. */
export const probeSource = join(import.meta.dirname, 'probe.c');

/** For programs without a C library: the compiler must not put in calls to one. */
export const freestanding = ['-O1', '-nostdlib', '-ffreestanding', '-fno-stack-protector'];

/** What a source is compiled from: a file, or a text in C. */
export type Source = { readonly file: string } | { readonly text: string };

/**
 * Compiles a program into a folder that is gone after the test; skips the test where there is no gcc.
 * @returns the path of the program.
 */
export async function compile(
  context: TestContext,
  source: Source,
  options: readonly string[],
): Promise<string> {
  const path = join(await temporaryFolder(), 'program');
  const input = 'text' in source ? { input: source.text } : {};
  const from = 'file' in source ? source.file : '-';
  const result = await execa('gcc', [...options, '-o', path, '-x', 'c', from], {
    ...input,
    reject: false,
  });
  if (result.code === 'ENOENT') context.skip('there is no gcc to build a program with');
  if (result.failed) throw new Error(`gcc ${options.join(' ')}: ${result.stderr}`);
  return path;
}

/** The output of a tool of binutils; skips the test where it is missing. */
export async function toolOutput(
  context: TestContext,
  tool: string,
  args: readonly string[],
): Promise<string> {
  const result = await execa(tool, args, { reject: false });
  if (result.code === 'ENOENT') context.skip(`there is no ${tool} to compare with`);
  if (result.failed) throw new Error(`${tool} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
