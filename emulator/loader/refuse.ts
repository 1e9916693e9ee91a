import { UserError } from '../errors.ts';

/** Why a file is not run; stable. */
export type ProgramErrorCode =
  | 'program-missing'
  | 'program-unreadable'
  | 'program-not-regular'
  | 'program-empty'
  | 'program-too-large'
  | 'program-format'
  | 'program-truncated'
  | 'program-machine'
  | 'program-dynamic'
  | 'program-type'
  | 'program-malformed'
  | 'program-write-execute'
  | 'symbols-unusable';

const SHOWN_PATH_CHARACTERS = 100;

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Text from a file or a path made fit for one line on a terminal. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, '?');
}

/** A path as messages show it: on one line, its beginning left out if it is long. */
export function shownPath(path: string): string {
  if (path === '') return '""';
  const line = printable(path);
  if (line.length <= SHOWN_PATH_CHARACTERS) return line;
  return `...${line.slice(3 - SHOWN_PATH_CHARACTERS)}`;
}

/** Refuses a file with one line that names it; `reason` must be short and without line breaks. */
export function refuse(code: ProgramErrorCode, path: string, reason: string): never {
  throw new UserError(code, `${shownPath(path)}: ${reason}`);
}
