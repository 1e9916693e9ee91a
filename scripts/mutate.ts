import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkWritable } from '../emulator/cli/output.ts';
import { defaultCacheDir } from '../emulator/engine/library/cache.ts';
import { locateUnicorn } from '../emulator/engine/library/locate.ts';
import { UserError } from '../emulator/errors.ts';
import { openMachine } from '../emulator/machine/open.ts';
import { judge } from './mutate/judge.ts';
import { type Mutant, mutantsOf } from './mutate/mutants.ts';
import { formatMutants, MUTATE_SCHEMA, type MutantRow, rowOf } from './mutate/report.ts';
import { readSubjects } from './mutate/subjects.ts';

const SEARCH_SECONDS = 60;

const helpText = `Usage: mutate [--only PATTERN] [--list] [--json FILE]

Makes mistakes in correct guests, one at a time, and asks two judges about each mutant: brute
force, which tries every interruption before every instruction, and the search behind fuzz, within the
same bound. Where brute force lets somebody else run on and stops it far on, that counts as two.
Status 1 where they differ.

  --only PATTERN  the mutants whose ids match this regular expression
  --list          only print the mutants
  --json FILE     the rows as JSON; - is standard output, instead of the table
  --help          this text
`;

/**
 * The verb `mutate`. Returns its exit status.
 * Errors: UserError where an option is wrong, a guest is missing or libunicorn is.
 */
export async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const root = join(import.meta.dirname, '..');
  const mutants = readSubjects(join(root, 'guest')).flatMap((subject) => [...mutantsOf(subject)]);
  const chosen = mutants.filter(({ id }) => options.only.test(id));
  if (options.list) {
    for (const mutant of chosen) process.stdout.write(`${listed(mutant)}\n`);
    return 0;
  }
  if (chosen.length === 0) throw new UserError('bad-option', 'mutate: --only matches no mutant');
  checkWritable(options.json);
  const rows = await judgeAll(root, chosen);
  if (options.json !== '-') process.stdout.write(formatMutants(rows));
  if (options.json !== undefined) await writeJson(options.json, rows);
  return rows.every(({ agrees }) => agrees) ? 0 : 1;
}

function parseOptions(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        help: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
      },
    });
    return { ...values, only: new RegExp(values.only) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('bad-option', `mutate: ${reason}`);
  }
}

function listed({ id, subject, address, description }: Mutant): string {
  return `${id}: ${description} at ${subject.image.symbols.format(address)}`;
}

async function judgeAll(root: string, mutants: readonly Mutant[]): Promise<readonly MutantRow[]> {
  const libraryPath = await locateUnicorn({
    env: process.env,
    offline: process.env.npm_config_offline === 'true',
    cacheDir: defaultCacheDir(root, process.env),
    log: (line) => process.stderr.write(`rseq-testbed: ${line}\n`),
  });
  const machine = openMachine({ libraryPath });
  return mutants.map((mutant, i) => {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${i + 1} of ${mutants.length}: ${mutant.id}`);
    }
    return rowOf(mutant, judge(machine, mutant.subject, mutant.bytes, SEARCH_SECONDS));
  });
}

async function writeJson(path: string, rows: readonly MutantRow[]): Promise<void> {
  const text = `${JSON.stringify({ schema: MUTATE_SCHEMA, rows }, null, 2)}\n`;
  if (path === '-') process.stdout.write(text);
  else await writeFile(path, text);
}
