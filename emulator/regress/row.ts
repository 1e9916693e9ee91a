import { assertNever } from '../../kernel-model/assert.ts';
import { findProfile } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { UserError } from '../errors.ts';
import type { Outcome } from '../machine/outcome.ts';

export const REGRESS_SCHEMA = { name: 'rseq-testbed/regress', version: 1 } as const;

/** One guest under one kernel: a row of the table and of the JSON output. */
export interface RegressRow {
  readonly name: string;
  readonly kernel: string;
  readonly expected: string;
  readonly actual: string;
  readonly asExpected: boolean;
  readonly seconds: number;
}

/** The kernel of that name. @throws UserError where there is none. */
export function kernelOf(name: string): KernelProfile {
  const profile = findProfile(name);
  if (profile === undefined) throw new UserError('usage', `there is no kernel ${name}`);
  return profile;
}

/** `exit 1`, `signal 11`, `livelock`: one or two words for a column. */
export function shortOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exit':
      return `exit ${outcome.status}`;
    case 'signal':
      return `signal ${outcome.signal}`;
    case 'finding':
      return `finding ${outcome.rule}`;
    case 'deadlock':
    case 'livelock':
    case 'budget':
    case 'unsupported':
    case 'diverged':
      return outcome.kind;
    default:
      return assertNever(outcome);
  }
}

/** The rows as a table, those that came out otherwise marked, and a line of counts. */
export function formatRows(rows: readonly RegressRow[]): string {
  const titles = ['guest', 'kernel', 'expected', 'actual', 'seconds', ''];
  const lines = rows.map(({ name, kernel, expected, actual, seconds, asExpected }) => [
    ...[name, kernel, expected, actual, seconds.toFixed(2), asExpected ? '' : 'NOT AS EXPECTED'],
  ]);
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const text = [titles, ...lines].map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const failed = rows.filter(({ asExpected }) => !asExpected).length;
  return `${[...text, `${rows.length - failed} as expected, ${failed} not`].join('\n')}\n`;
}
