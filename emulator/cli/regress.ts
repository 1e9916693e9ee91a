import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import type { Watching } from '../explore/search/explorer.ts';
import type { Machine } from '../machine/machine.ts';
import { openMachine } from '../machine/open.ts';
import { readBugIndex } from '../regress/bug-index.ts';
import { readGuestCases } from '../regress/manifest.ts';
import { formatRows, REGRESS_SCHEMA, type RegressRow } from '../regress/row.ts';
import { runGuestCase } from '../regress/run-guest.ts';
import { searchBug } from '../regress/search-bug.ts';
import { EXIT_INTERRUPTED } from './exit-status.ts';
import { OUTPUT_OPTIONS, parseInteger } from './options.ts';
import { checkWritable, writeFileOrStdout } from './output.ts';
import { locateDefaultLibrary } from './session.ts';
import type { Verb } from './verb.ts';

const SECONDS_MAX = 24 * 3600;

const builder = {
  only: { type: 'string', requiresArg: true, describe: 'guests whose names match this pattern' },
  time: {
    type: 'string',
    requiresArg: true,
    default: '60',
    describe: 'give a search up after so many seconds',
  },
  json: { ...OUTPUT_OPTIONS.json, describe: 'write the rows as JSON (- is stdout)' },
  offline: OUTPUT_OPTIONS.offline,
} as const;

/** `regress`: every guest of the manifest and every seeded bug, against the verdict expected of it. */
export const regressVerb: Verb = {
  describe: 'run all guests and seeded bugs, and compare with what is expected of them',
  positionals: '[folder]',
  configure: (parser) =>
    parser
      .positional('folder', {
        type: 'string',
        describe: 'where manifest.json and bugs/index.json are (default: guest/)',
      })
      .options(builder)
      .example('$0 --only bugs/', 'the search against the seeded bugs alone'),
  prepare: (argv) => {
    const optional = (name: string): string | undefined =>
      argv[name] === undefined ? undefined : String(argv[name]);
    const options: RegressOptions = {
      folder: optional('folder') ?? ownGuests(),
      only: parsePattern(optional('only') ?? ''),
      seconds: parseInteger('time', String(argv.time), 1, SECONDS_MAX),
      json: optional('json'),
      offline: argv.offline === true,
    };
    return () => regress(options);
  },
};

interface RegressOptions {
  readonly folder: string;
  readonly only: RegExp;
  readonly seconds: number;
  readonly json: string | undefined;
  readonly offline: boolean;
}

/** `guest/` of the project that this file belongs to. */
function ownGuests(): string {
  return join(dirname(dirname(import.meta.dirname)), 'guest');
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UserError('usage', `--only takes a regular expression, not ${JSON.stringify(text)}`);
  }
}

async function regress(options: RegressOptions): Promise<number> {
  const { folder, json } = options;
  if (!existsSync(join(folder, 'manifest.json'))) {
    throw new UserError('no-manifest', `there is no manifest.json in ${folder}`);
  }
  checkWritable(json);
  const libraryPath = await locateDefaultLibrary(options);
  const machine = openMachine({ libraryPath });
  const openLogging = () => openMachine({ libraryPath, logReads: true });
  const jobs = jobsOf(options, { openLogging });
  if (jobs.length === 0) throw new UserError('usage', '--only matches no guest and no bug');
  const rows = await runJobs(machine, jobs);
  if (rows === undefined) return EXIT_INTERRUPTED;
  if (json !== '-') process.stdout.write(formatRows(rows));
  if (json !== undefined) {
    const report = { schema: REGRESS_SCHEMA, engine: machine.engineId, rows };
    writeFileOrStdout(json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return rows.every(({ asExpected }) => asExpected) ? 0 : 1;
}

type Job = (machine: Machine) => readonly RegressRow[];

function jobsOf({ folder, only, seconds }: RegressOptions, watching: Watching): readonly Job[] {
  const guests = readGuestCases(join(folder, 'manifest.json'))
    .filter(({ name }) => only.test(name))
    .map(
      (guest): Job =>
        (machine) => [runGuestCase(machine, folder, guest)],
    );
  const bugs = readBugIndex(join(folder, 'bugs', 'index.json'))
    .bugs.filter(({ id }) => only.test(`bugs/${id}`))
    .map(
      (bug): Job =>
        (machine) =>
          searchBug(machine, watching, folder, bug, seconds),
    );
  return [...guests, ...bugs];
}

/** Lets the event loop in between two jobs, so that Ctrl-C is heard: `undefined` then. */
async function runJobs(
  machine: Machine,
  jobs: readonly Job[],
): Promise<readonly RegressRow[] | undefined> {
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const rows: RegressRow[] = [];
    for (const [number, job] of jobs.entries()) {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${number + 1} of ${jobs.length}`);
      rows.push(...job(machine));
      await setImmediate();
      if (isInterrupted) return undefined;
    }
    return rows;
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}
