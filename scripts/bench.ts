import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { checkWritable } from '../emulator/cli/output.ts';
import { defaultCacheDir } from '../emulator/engine/library/cache.ts';
import { locateUnicorn } from '../emulator/engine/library/locate.ts';
import { bindUnicorn } from '../emulator/engine/unicorn/ffi.ts';
import { UserError } from '../emulator/errors.ts';
import { BARE_ROWS } from './bench/bare.ts';
import { bugRows } from './bench/bugs.ts';
import { COMMAND_ROWS } from './bench/commands.ts';
import { MACHINE_ROWS } from './bench/machine.ts';
import {
  type Effort,
  type Figure,
  measure,
  type OwnRow,
  type Row,
  type Tools,
} from './bench/measure.ts';
import { startReference } from './bench/reference.ts';
import { BENCH_SCHEMA, type BenchReport, formatTable, machineFacts } from './bench/report.ts';
import { SEARCH_ROWS } from './bench/search.ts';
import { VALIDATOR_ROWS } from './bench/validators.ts';

const PROJECT_ROOT = dirname(import.meta.dirname);

const ROWS: readonly (Row | OwnRow)[] = [
  ...BARE_ROWS,
  ...MACHINE_ROWS,
  ...SEARCH_ROWS,
  ...VALIDATOR_ROWS,
  ...COMMAND_ROWS,
];

const FULL: Effort = { isQuick: false, rounds: 15, roundMs: 40, warmUpMs: 400 };
const QUICK: Effort = { isQuick: true, rounds: 3, roundMs: 5, warmUpMs: 20 };
const ROUNDS_MAX = 1000;
const DEFAULT_CAP_SECONDS = 60;
const CAP_SECONDS_MAX = 3600;

const helpText = `Usage: bench [--bugs [--cap SECONDS]] [--only PATTERN] [--rounds N] [--quick]
             [--json FILE]

Measures the testbed beside a C program that does the same work on the same libunicorn. The two take
turns; figures are medians, "time / C" is the median of the rounds' own ratios.

  --only PATTERN  the rows whose names match this regular expression (any case)
  --bugs          other rows: how long the search takes to find each seeded bug, beside how long the
                  same program runs on this kernel under stress until it fails (half an hour)
  --cap SECONDS   give the latter up after so long (default ${DEFAULT_CAP_SECONDS})
  --rounds N      rounds a row (default ${FULL.rounds})
  --quick         few and short rounds: shows that it works, not how fast
  --json FILE     the figures as JSON; - is standard output, instead of the table
  --help          this text

CC names the C compiler (default gcc).
`;

interface BenchOptions {
  readonly help: boolean;
  readonly rows: readonly (Row | OwnRow)[];
  readonly effort: Effort;
  readonly json: string | undefined;
}

/**
 * The verb `bench`. Returns its exit status.
 * Errors: UserError where an option is wrong, libunicorn is missing or a command fails.
 */
export async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(helpText);
    return 0;
  }
  checkWritable(options.json);
  const report = await runRows(options);
  if (options.json !== '-') process.stdout.write(formatTable(report.rows));
  if (options.json !== undefined) await writeJson(options.json, report);
  return 0;
}

function parseOptions(args: string[]): BenchOptions {
  const values = parseValues(args);
  const effort = values.quick ? QUICK : FULL;
  const rounds = values.rounds === undefined ? effort.rounds : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
    throw new UserError('bad-option', `bench: --rounds takes 1 to ${ROUNDS_MAX}`);
  }
  const cap = values.cap === undefined ? DEFAULT_CAP_SECONDS : Number(values.cap);
  if (!Number.isInteger(cap) || cap < 1 || cap > CAP_SECONDS_MAX) {
    throw new UserError('bad-option', `bench: --cap takes 1 to ${CAP_SECONDS_MAX} seconds`);
  }
  if (values.cap !== undefined && !values.bugs) {
    throw new UserError('bad-option', 'bench: --cap goes with --bugs');
  }
  return {
    help: values.help,
    rows: selectRows(values.bugs ? bugRows(PROJECT_ROOT, cap) : ROWS, values.only),
    effort: { ...effort, rounds },
    json: values.json,
  };
}

function parseValues(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        bugs: { type: 'boolean', default: false },
        cap: { type: 'string' },
        help: { type: 'boolean', default: false },
        json: { type: 'string' },
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
      },
    }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('bad-option', `bench: ${reason}`);
  }
}

function selectRows(
  all: readonly (Row | OwnRow)[],
  pattern: string | undefined,
): readonly (Row | OwnRow)[] {
  if (pattern === undefined) return all;
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'i');
  } catch {
    throw new UserError('bad-option', `bench: --only: not a regular expression: ${pattern}`);
  }
  const rows = all.filter(({ name }) => expression.test(name));
  if (rows.length === 0) throw new UserError('bad-option', `bench: no row matches ${pattern}`);
  return rows;
}

async function runRows({ rows, effort }: BenchOptions): Promise<BenchReport> {
  const cacheDir = defaultCacheDir(PROJECT_ROOT, process.env);
  const note = (line: string): void => {
    process.stderr.write(`bench: ${line}\n`);
  };
  const libraryPath = await locateUnicorn({
    env: process.env,
    offline: false,
    cacheDir,
    log: note,
  });
  const reference = await startReference(libraryPath, cacheDir, note);
  const engine = `unicorn ${bindUnicorn(libraryPath).version}`;
  const machine = machineFacts(engine, reference?.compiler);
  const tools: Tools = { libraryPath, reference, projectRoot: PROJECT_ROOT, cacheDir };
  const figures: Figure[] = [];
  try {
    for (const row of rows) {
      if (process.stderr.isTTY) note(row.name);
      if ('figures' in row) figures.push(...(await row.figures(tools, effort)));
      else figures.push(await measure(row, await row.prepare(tools, effort), effort));
    }
  } finally {
    await reference?.close();
  }
  return { schema: BENCH_SCHEMA, machine, rounds: effort.rounds, rows: figures };
}

async function writeJson(file: string, report: BenchReport): Promise<void> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (file === '-') {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('json-not-written', `bench: ${reason}`);
  }
}
