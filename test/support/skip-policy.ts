/** A test that did not run; `reason` is the note it gave to `context.skip(condition, note)`. */
export interface SkippedTest {
  /** The file, the suites and the test, joined by ` > `. */
  readonly test: string;
  readonly reason: string | undefined;
}

/** An entry of allowed-skips.json. */
export interface AllowedSkip {
  /** A test, a suite or a file: everything in it is meant. */
  readonly test: string;
  /** How the reason begins: what follows may name versions. */
  readonly reason: string;
}

/**
 * The skipped tests that count as failures: those without a reason, and in CI, where everything
 * that tests need can be installed, those that the committed list does not allow.
 */
export function forbiddenSkips(
  skipped: readonly SkippedTest[],
  allowed: readonly AllowedSkip[],
  inCi: boolean,
): readonly SkippedTest[] {
  return skipped.filter(
    (skip) => skip.reason === undefined || (inCi && !allowed.some((entry) => allows(entry, skip))),
  );
}

function allows(entry: AllowedSkip, { test, reason }: SkippedTest): boolean {
  const isInside = test === entry.test || test.startsWith(`${entry.test} > `);
  return isInside && (reason ?? '').startsWith(entry.reason);
}
