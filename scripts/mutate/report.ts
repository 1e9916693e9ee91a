import type { Outcome } from '../../emulator/machine/outcome.ts';
import type { Judgement } from './judge.ts';
import type { Mutant } from './mutants.ts';

export const MUTATE_SCHEMA = { name: 'rseq-testbed/mutate', version: 1 } as const;

/** One mutant with its two verdicts: a row of the JSON output. */
export interface MutantRow {
  readonly id: string;
  readonly guest: string;
  readonly vcpus: number;
  readonly operator: string;
  readonly address: string;
  readonly symbol: string;
  readonly description: string;
  readonly interruptions: number;
  readonly truth: Verdict;
  readonly search: Verdict;
  readonly agrees: boolean;
}

interface Verdict {
  readonly verdict: 'pass' | 'fail' | 'incomplete';
  readonly outcome: string | undefined;
  /** Of the failing schedule. */
  readonly interruptions: readonly string[];
  readonly schedules: number;
  readonly seconds: number;
}

/** A mutant's row. */
export function rowOf(mutant: Mutant, { truth, search, agrees, seconds }: Judgement): MutantRow {
  const { subject, id, operator, address, description } = mutant;
  const { symbols } = subject.image;
  const { breakage } = truth;
  return {
    ...{ id, guest: subject.name, vcpus: subject.vcpus, operator },
    ...{ address: `0x${address.toString(16)}`, symbol: symbols.format(address), description },
    interruptions: subject.interruptions,
    truth: {
      verdict: truth.verdict,
      outcome: textOf(breakage?.outcome),
      interruptions: (breakage?.actions ?? []).map(
        ({ kind, task, address: at, until }) =>
          `task ${task} @ ${symbols.format(at)}: ${kind}${until === undefined ? '' : ` for ${until}`}`,
      ),
      schedules: truth.schedules,
      seconds,
    },
    search: {
      verdict: search.verdict,
      outcome: textOf(search.outcome),
      interruptions: search.interruptions.map(
        ({ task, address: at, interruption }) =>
          `task ${task} @ ${symbols.format(at)}: ${interruption.kind}`,
      ),
      schedules: search.schedules,
      seconds: search.seconds,
    },
    agrees,
  };
}

function textOf(outcome: Outcome | undefined): string | undefined {
  if (outcome === undefined) return undefined;
  if (outcome.kind === 'exit') return `exit ${outcome.status}`;
  return outcome.kind === 'signal' ? `signal ${outcome.signal}` : outcome.kind;
}

/** The table for people: operators by verdict, then every mutant on which the two differ. */
export function formatMutants(rows: readonly MutantRow[]): string {
  const operators = [...new Set(rows.map(({ operator }) => operator))];
  const width = Math.max(...operators.map(({ length }) => length), 'operator'.length);
  const line = (name: string, ...columns: (string | number)[]): string =>
    `${name.padEnd(width)}${columns.map((column) => String(column).padStart(11)).join('')}`;
  const lines = [line('operator', 'mutants', 'fail', 'pass', 'incomplete', 'differ')];
  for (const operator of operators) {
    const own = rows.filter((row) => row.operator === operator);
    lines.push(line(operator, own.length, ...countsOf(own)));
  }
  lines.push(line('all', rows.length, ...countsOf(rows)));
  for (const row of rows.filter(({ agrees }) => !agrees)) {
    lines.push(
      `${row.id} (${row.description} at ${row.symbol}):`,
      `  brute force: ${describe(row.truth)}`,
      `  search: ${describe(row.search)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function countsOf(rows: readonly MutantRow[]): number[] {
  const byVerdict = (['fail', 'pass', 'incomplete'] as const).map(
    (verdict) => rows.filter(({ truth }) => truth.verdict === verdict).length,
  );
  return [...byVerdict, rows.filter(({ agrees }) => !agrees).length];
}

function describe({ verdict, outcome, interruptions, schedules }: Verdict): string {
  const how = outcome === undefined ? '' : `: ${outcome}`;
  return `${verdict}${how} (${schedules} schedules) ${interruptions.join('; ')}`.trimEnd();
}
