import type { JudgedClaim } from './claim.ts';
import type { KeyRow } from './keys.ts';
import type { CompareRow } from './rows.ts';
import { tableAsMarkdown, tableAsText, wrap } from './table.ts';
import { tablesOf } from './tables.ts';

export const COMPARE_SCHEMA = { name: 'rseq-testbed/compare', version: 1 } as const;

/** The JSON of `compare`. */
export interface CompareReport {
  readonly schema: typeof COMPARE_SCHEMA;
  readonly engine: string;
  readonly memoryModel: 'SC';
  /** `counter`, `list` or `long-section`; absent where one program was compared under kernels. */
  readonly workload?: string;
  readonly rows: readonly CompareRow[];
  /** The key scheme; absent where one program was compared. */
  readonly keys?: KeyRow;
  readonly claims: readonly JudgedClaim[];
}

const WIDTH = 80;
const INDENT = '      ';

/** What a reader calls the thing that was run. */
function subjectOf({ workload, rows }: CompareReport): string {
  return workload ?? rows[0]?.guest.path ?? 'program';
}

/** The report for a terminal, 80 columns wide. */
export function formatReport(report: CompareReport): string {
  const tables = tablesOf(report, subjectOf(report)).map((table) => tableAsText(table, WIDTH));
  const claims = report.claims.map(({ id, about, claim, holds, verdict }) => {
    const word = holds === null ? '?' : holds ? 'holds' : 'FAILS';
    const head = `${id.padEnd(4)}${word}  ${about}: ${claim}`;
    const lines = [...wrap(head, WIDTH), ...wrap(verdict, WIDTH - INDENT.length)];
    const headLines = wrap(head, WIDTH).length;
    return lines.map((line, i) => (i < headLines ? line : `${INDENT}${line}`)).join('\n');
  });
  const guessed = report.rows.filter(({ inferred }) => inferred.length > 0);
  const note = guessed.map(({ profile }) => profile).join(', ');
  if (note !== '') {
    tables.push(
      wrap(`Models with choices that no source confirms (see kernels): ${note}.`, WIDTH).join('\n'),
    );
  }
  const all = claims.length === 0 ? tables : [...tables, `The claims\n\n${claims.join('\n\n')}`];
  return `${all.join('\n\n')}\n\nmemory model: ${report.memoryModel}, ${report.engine}\n`;
}

/** The report as a document; `command` is what made it. */
export function formatDocument(report: CompareReport, command: string): string {
  const tables = tablesOf(report, subjectOf(report)).map(tableAsMarkdown);
  const claims = report.claims.map(({ id, about, claim, holds, verdict }) => {
    const word = holds === null ? 'not measured' : holds ? 'holds' : 'does not hold';
    return [
      `### ${id}: ${word}`,
      '',
      ...wrap(`${about}: ${claim}.`, 120),
      '',
      ...wrap(`Measured: ${verdict}.`, 120),
    ].join('\n');
  });
  const head = [
    '# The debate of 2015 to 2017, measured',
    '',
    ...wrap(
      'Every figure below comes from real machine code, a build for each ABI, run under the model of ' +
        `its kernel: ${subjectOf(report)}, and the counter and long section where a ` +
        'table says so. Runs are exact, so the same command gives the same figures on any machine ' +
        `(memory model: ${report.memoryModel}):`,
      120,
    ),
    '',
    '```sh',
    command,
    '```',
  ].join('\n');
  const parts = [
    head,
    ...tables,
    ...(claims.length === 0 ? [] : ['## The claims', ...claims]),
    ...inferredPart(report),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What the figures rest on beside the sources. */
function inferredPart({ rows }: CompareReport): readonly string[] {
  const guessed = rows.filter(({ inferred }) => inferred.length > 0);
  if (guessed.length === 0) return [];
  const lead = wrap(
    'What a claim says of an ABI holds for it as modelled. Some choices of these models are ' +
      'confirmed by no source; for a scheme that was never posted a claim that holds shows that ' +
      'it can be built so, and no more. `npm run kernels -- NAME` lists them: ' +
      `${guessed.map(({ profile }) => profile).join(', ')}.`,
    120,
  ).join('\n');
  return [`## What no source confirms\n\n${lead}`];
}
