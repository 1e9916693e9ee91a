import { closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { UserError } from '../errors.ts';
import type { LoadedProgram, ProgramFormat, ProgramImage } from './image.ts';
import { parseProgram } from './parse.ts';
import { refuse } from './refuse.ts';
import { refusedAsSymbols, withSymbols } from './separate-symbols.ts';

/** Larger files are refused before anything is read. */
const FILE_LIMIT_BYTES = 2 ** 30;

export interface LoadOptions {
  /** An ELF file of the same program that brings the symbols. */
  readonly symbolsPath?: string | undefined;
  /** How to read the file; told by its first bytes and its name if left out. */
  readonly format?: ProgramFormat | undefined;
}

/**
 * Reads a program, and its symbols from `symbolsPath` or, for a flat image, from the `.elf` file
 * beside it. A file beside it that cannot serve is left out with a warning.
 * @throws UserError if the program, or the symbols that were asked for, cannot be used.
 */
export function loadProgram(path: string, options: LoadOptions = {}): LoadedProgram {
  const { symbolsPath, format } = options;
  const { image, warnings } = parseProgram(path, readProgramFile(path), format);
  if (symbolsPath !== undefined) return { image: addSymbols(image, symbolsPath), warnings };
  if (image.format !== 'flat') return { image, warnings };
  const sibling = `${path.replace(/\.bin$/, '')}.elf`;
  if (!existsSync(sibling)) return { image, warnings };
  try {
    return { image: addSymbols(image, sibling), warnings };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { image, warnings: [...warnings, error.message] };
  }
}

function addSymbols(image: ProgramImage, path: string): ProgramImage {
  return refusedAsSymbols(() => withSymbols(image, path, readProgramFile(path)));
}

/**
 * The bytes of a regular file, read once; nothing else is even opened.
 * @throws UserError if it is none, cannot be read or is too large.
 */
export function readProgramFile(path: string): Uint8Array {
  let descriptor: number | undefined;
  try {
    const size = checkRegular(path);
    // O_NONBLOCK: should a FIFO have taken the file's place meanwhile, opening it must not wait.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return readUpTo(descriptor, size);
  } catch (error) {
    if (error instanceof UserError) throw error;
    return refuseUnreadable(path, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function checkRegular(path: string): number {
  const status = statSync(path);
  if (status.isDirectory()) refuse('program-not-regular', path, 'a directory, not a program');
  if (!status.isFile()) refuse('program-not-regular', path, 'not a regular file');
  if (status.size > FILE_LIMIT_BYTES) {
    refuse('program-too-large', path, `larger than ${FILE_LIMIT_BYTES / 2 ** 30} GiB`);
  }
  return status.size;
}

function readUpTo(descriptor: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(size);
  let length = 0;
  while (length < size) {
    const count = readSync(descriptor, bytes, length, size - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

const SYSTEM_ERRORS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'no permission to read it'],
  ['EPERM', 'no permission to read it'],
  ['ELOOP', 'too many symbolic links'],
  ['ENAMETOOLONG', 'the name is too long'],
]);

function refuseUnreadable(path: string, error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) throw error;
  if (code === 'ENOENT' || code === 'ENOTDIR') refuse('program-missing', path, 'no such file');
  refuse('program-unreadable', path, SYSTEM_ERRORS.get(code) ?? `cannot be read (${code})`);
}
