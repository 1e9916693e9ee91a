/**
 * A mistake of the user (bad file, bad option, missing library): reported as one line on stderr,
 * exit status 125. `code` is stable and machine-readable; `message` is the line without a prefix.
 */
export class UserError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'UserError';
    this.code = code;
  }
}
