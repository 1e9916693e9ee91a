/**
 * Asserts an invariant of our own code; a guest's or a user's mistake never comes here. Numbers for
 * the message go into `detail`: a template would be built each time the assertion holds.
 */
export function assert(condition: boolean, message: string, detail?: number): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message} ${detail ?? ''}`.trimEnd());
}

/** Closes an exhaustive switch over a discriminated union. */
export function assertNever(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
}
