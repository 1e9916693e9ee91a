import { readFileSync, statSync } from 'node:fs';
import { UserError } from '../errors.ts';

const BYTES_MAX = 256 << 20;

/** Reads a file of ours that the user names. @throws UserError with this code */
export function readInput(path: string, code: string): string {
  const refuse = (why: string): UserError => new UserError(code, `${path}: ${why}`);
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw refuse('no such file');
  if (!status.isFile()) throw refuse('not a regular file');
  if (status.size > BYTES_MAX) throw refuse('too large');
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw refuse('cannot be read');
  }
}
