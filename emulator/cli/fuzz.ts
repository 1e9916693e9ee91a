import { setImmediate } from 'node:timers/promises';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { UserError } from '../errors.ts';
import type { SearchBounds } from '../explore/search/bounds.ts';
import { Explorer } from '../explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../explore/search/registry.ts';
import { runSearch, type SearchResult } from '../explore/search/run-search.ts';
import { ReplayStrategy } from '../explore/strategies/replay.ts';
import type { ProgramImage } from '../loader/image.ts';
import { loadProgram } from '../loader/load.ts';
import type { Machine } from '../machine/machine.ts';
import { formatSchedule } from '../machine/schedule.ts';
import { recordSchedule } from '../report/recorded-schedule.ts';
import { formatSearch, reportSearch, type SearchReport } from '../report/search-report.ts';
import {
  OUTPUT_OPTIONS,
  parseEnvironment,
  parseInteger,
  parseKernel,
  RUN_OPTIONS,
} from './options.ts';
import { checkWritable, writeFileOrStdout, writeLines } from './output.ts';
import { openDefaultMachine } from './session.ts';
import type { Verb } from './verb.ts';

const MEBIBYTE = 2 ** 20;
const SEED_MAX = 2 ** 32 - 1;
const PREEMPTIONS_MAX = 4;
const ENTRIES_MAX = 100;
const SECONDS_MAX = 30 * 24 * 3600;

const builder = {
  cpus: RUN_OPTIONS.cpus,
  kernel: RUN_OPTIONS.kernel,
  seed: RUN_OPTIONS.seed,
  preemptions: {
    type: 'string',
    requiresArg: true,
    default: '2',
    describe: 'interruptions of one schedule, at most',
  },
  entries: {
    type: 'string',
    requiresArg: true,
    default: '2',
    describe: 'interrupt the first entries of each section by each task',
  },
  time: {
    type: 'string',
    requiresArg: true,
    default: '60',
    describe: 'give up after so many seconds',
  },
  schedules: { type: 'string', requiresArg: true, describe: 'give up after so many schedules' },
  'max-instructions': { ...RUN_OPTIONS['max-instructions'], default: '1000000' },
  'max-memory': RUN_OPTIONS['max-memory'],
  env: RUN_OPTIONS.env,
  'save-schedule': {
    type: 'string',
    requiresArg: true,
    default: 'failure.json',
    describe: 'where a failing schedule goes, for replay',
  },
  ...OUTPUT_OPTIONS,
} as const;

/** `fuzz FILE [-- guest args]`: search the schedules of a guest for one that breaks it. */
export const fuzzVerb: Verb = {
  describe: 'search the schedules of a guest for one that breaks it',
  positionals: '[file]',
  configure: (parser) =>
    parser
      .positional('file', { type: 'string', describe: 'static ELF64 executable or flat .bin' })
      .options(builder)
      .example('$0 guest/counter.bin --cpus 1 -- 2 3', 'two tasks on one vCPU'),
  prepare: (argv) => {
    const options = readOptions(argv);
    return () => fuzz(options);
  },
};

type FuzzOptions = ReturnType<typeof readOptions>;

function readOptions(argv: Readonly<Record<string, unknown>>) {
  if (argv.file === undefined) {
    throw new UserError('usage', 'fuzz needs a FILE: a static ELF64 executable or a flat .bin');
  }
  const text = (name: string): string => String(argv[name]);
  const optional = (name: string): string | undefined =>
    argv[name] === undefined ? undefined : text(name);
  const integer = (name: string, low: number, high: number): number =>
    parseInteger(name, text(name), low, high);
  const guestArgs = argv['--'];
  return {
    file: text('file'),
    args: Array.isArray(guestArgs) ? guestArgs.map(String) : [],
    env: parseEnvironment(Array.isArray(argv.env) ? argv.env.map(String) : []),
    profile: parseKernel(text('kernel')),
    cpus: integer('cpus', 1, 64),
    seed: integer('seed', 0, SEED_MAX),
    seconds: integer('time', 1, SECONDS_MAX),
    memoryMebibytes: integer('max-memory', 1, 4096),
    bounds: {
      preemptions: integer('preemptions', 0, PREEMPTIONS_MAX),
      entries: integer('entries', 1, ENTRIES_MAX),
      instructions: integer('max-instructions', 1, Number.MAX_SAFE_INTEGER),
      signals: [],
      runs: 1000,
      seed: integer('seed', 0, SEED_MAX),
      depth: 2,
    } satisfies SearchBounds,
    schedulesMax:
      argv.schedules === undefined
        ? Number.MAX_SAFE_INTEGER
        : integer('schedules', 1, Number.MAX_SAFE_INTEGER),
    quiet: argv.quiet === true,
    offline: argv.offline === true,
    json: optional('json'),
    symbols: optional('symbols'),
    scheduleFile: text('save-schedule'),
  };
}

async function fuzz(options: FuzzOptions): Promise<number> {
  const { image, warnings } = loadProgram(options.file, { symbolsPath: options.symbols });
  checkWritable(options.json);
  checkWritable(options.scheduleFile);
  if (!options.quiet) writeLines(warnings);
  const machine = await openDefaultMachine({
    offline: options.offline,
    memoryLimitBytes: options.memoryMebibytes * MEBIBYTE,
  });
  const started = performance.now();
  const result = await search(machine, image, options);
  const { failure } = result.tally;
  if (failure !== undefined) saveSchedule(machine, image, options, failure.decisions);
  const report = reportSearch(
    result,
    image,
    machine.engineId,
    options.bounds,
    { kernel: options.profile.name, cpus: options.cpus, seed: options.seed },
    { seconds: (performance.now() - started) / 1000, scheduleFile: options.scheduleFile },
  );
  if (!options.quiet) writeLines([formatSearch(report, image)], '');
  if (options.json !== undefined) {
    writeFileOrStdout(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return EXIT_STATUS[report.verdict];
}

/** Lets the event loop in at each pause, so that Ctrl-C is heard: the search then ends incomplete. */
async function search(
  machine: Machine,
  image: ProgramImage,
  options: FuzzOptions,
): Promise<SearchResult> {
  const deadline = performance.now() + options.seconds * 1000;
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const { profile, cpus, seed, bounds } = options;
  const program = { image, args: options.args, env: options.env };
  const explorer = new Explorer(machine, { program, profile, vcpus: cpus, seed }, bounds);
  const searching = runSearch(
    SEARCH_STRATEGIES.exhaustive.open(explorer),
    ({ schedules }) =>
      isInterrupted || performance.now() > deadline || schedules >= options.schedulesMax,
  );
  try {
    for (;;) {
      const { done, value } = searching.next();
      if (done) return value;
      if (process.stderr.isTTY) {
        process.stderr.write(`\r${value.schedules} schedules, ${value.distinctStates} states `);
      }
      await setImmediate();
    }
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}

/** Runs the failing schedule again, and saves it. */
function saveSchedule(
  machine: Machine,
  image: ProgramImage,
  options: FuzzOptions,
  decisions: readonly Decision[],
): void {
  machine.boot({
    program: { image, args: options.args, env: options.env },
    profile: options.profile,
    vcpus: options.cpus,
    seed: options.seed,
    maxInstructions: options.bounds.instructions,
    strategy: new ReplayStrategy(decisions),
    output: () => {},
  });
  machine.runToEnd();
  const schedule = recordSchedule(machine, image, {
    kernel: options.profile.name,
    cpus: options.cpus,
    seed: options.seed,
    tick: 1,
    args: options.args,
    env: options.env,
    maxInstructions: options.bounds.instructions,
  });
  if (schedule !== undefined) writeFileOrStdout(options.scheduleFile, formatSchedule(schedule));
}

const EXIT_STATUS: Readonly<Record<SearchReport['verdict'], number>> = {
  pass: 0,
  fail: 1,
  incomplete: 3,
};
