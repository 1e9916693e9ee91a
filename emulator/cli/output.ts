import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '../errors.ts';

const STDOUT = '-';

/** Passes guest output through: descriptor 1 to stdout, unless JSON goes there, and 2 to stderr. */
export function guestOutput(
  json: string | undefined,
): (descriptor: 1 | 2, bytes: Uint8Array) => void {
  const stdout = json === STDOUT ? process.stderr : process.stdout;
  return (descriptor, bytes) => {
    (descriptor === 1 ? stdout : process.stderr).write(bytes);
  };
}

/**
 * Refuses a file that could not be written, before a long run instead of after it.
 * @throws UserError `output-unwritable`
 */
export function checkWritable(path: string | undefined): void {
  if (path === undefined || path === STDOUT) return;
  const refuse = (why: string): UserError =>
    new UserError('output-unwritable', `cannot write ${path}: ${why}`);
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) throw refuse('it is a directory');
    if (!isWritable(path)) throw refuse('no permission');
    return;
  }
  if (!existsSync(dirname(path))) throw refuse('its folder does not exist');
  if (!isWritable(dirname(path))) throw refuse('no permission');
}

/**
 * Refuses outputs that could not be written, or would overwrite one another, before a long run; by the
 * option that names each.
 * @throws UserError `output-unwritable`, `usage`
 */
export function checkOutputs(outputs: Readonly<Record<string, string | undefined>>): void {
  const options = new Map<string, string>();
  for (const [option, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    checkWritable(path);
    const place = path === STDOUT ? path : resolve(path);
    const other = options.get(place);
    if (other !== undefined) {
      const what = path === STDOUT ? 'standard output' : path;
      throw new UserError('usage', `--${other} and --${option} both write ${what}`);
    }
    options.set(place, option);
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Writes a text to a file, or to stdout for `-`. */
export function writeFileOrStdout(path: string, text: string): void {
  if (path === STDOUT) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(path, text);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError('output-unwritable', `cannot write ${path}: ${code}`);
  }
}

/** Lines on stderr, each with our name in front unless `prefix` says otherwise. */
export function writeLines(lines: readonly string[], prefix = 'rseq-testbed: '): void {
  for (const line of lines) process.stderr.write(`${prefix}${line}\n`);
}
