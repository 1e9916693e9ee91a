import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { UserError } from '../../errors.ts';

const HEX_DIGITS = 8;

/** A line that tells whether it is whole: a checksum and JSON, with a newline. */
export function checkedLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

/** What a checked line, without its newline, was made from; `undefined` for any other line. */
export function readCheckedLine(line: string): unknown {
  const json = line.slice(HEX_DIGITS + 1);
  if (line !== `${checksum(json)} ${json}`) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(HEX_DIGITS, '0');
}

/** Writes a file so that after a crash it is there as it was before, or whole. */
export function writeAtomically(path: string, text: string): void {
  const unfinished = `${path}.unfinished`;
  orRefuse(path, () => {
    const descriptor = openSync(unfinished, 'w');
    try {
      writeAll(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(unfinished, path);
    syncFolder(dirname(path));
  });
}

/** Writes all of a text at a descriptor's position. */
export function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
}

/** Makes what happened to names in a folder last. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes a folder, and those that it is in. (mkdirSync's `recursive` never ends where ENOENT has
 * another cause.)
 */
export function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  const parent = dirname(path);
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(path);
}

/** The text of a file; `undefined` if there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw new UserError('checkpoint-unreadable', `${path} cannot be read (${errorCode(error)})`);
  }
}

/** Does something to a file of a checkpoint. @throws UserError `output-unwritable` */
export function orRefuse<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || error instanceof UserError) throw error;
    throw new UserError('output-unwritable', `cannot write ${path}: ${code}`);
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
