import { UserError } from '../../errors.ts';

/** The environment variable that names the library explicitly. */
export const libraryVariable = 'RSEQ_TESTBED_LIBUNICORN';

/**
 * The error for an engine that can be neither found nor fetched: `reason` says why in a few words,
 * the rest of the line what to do about it.
 */
export function missingEngine(reason: string): UserError {
  return new UserError(
    'engine-missing',
    `no usable libunicorn: ${oneLine(reason)}; install it (apt-get install libunicorn2, or ` +
      `brew install unicorn) or set ${libraryVariable} to the path of version 2`,
  );
}

/** A foreign message, which may have several lines, as one line. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
