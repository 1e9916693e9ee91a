/**
 * Asserts an invariant of our own code; a guest's or a user's mistake never comes here. Numbers for
 * the message go into `details`: a template would be built each time the assertion holds.
 */
export function assert(
  condition: boolean,
  message: string,
  ...details: readonly number[]
): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${[message, ...details].join(' ')}`);
}

/** Closes an exhaustive switch over a discriminated union. */
export function assertNever(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
}
