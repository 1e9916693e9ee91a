import { availableParallelism } from 'node:os';
import { selectorOf } from '../../kernel-model/rseq/resolve.ts';
import { UserError } from '../errors.ts';
import type { SearchJob, StrategyName } from '../explore/campaign/job.ts';
import { SEARCH_STRATEGIES } from '../explore/search/registry.ts';
import {
  OUTPUT_OPTIONS,
  parseEnvironment,
  parseInteger,
  parseKernel,
  parseSignals,
  RUN_OPTIONS,
} from './options.ts';

const MEBIBYTE = 2 ** 20;
const SEED_MAX = 2 ** 32 - 1;
const PREEMPTIONS_MAX = 4;
const ENTRIES_MAX = 100;
const RUNS_MAX = 1_000_000_000;
const DEPTH_MAX = 10;
const JOBS_MAX = 256;
const SECONDS_MAX = 30 * 24 * 3600;

/** A given schedule is played by the verb `replay`. */
const STRATEGY_NAMES = Object.keys(SEARCH_STRATEGIES).filter((name) => name !== 'replay');

/**
 * Options that decide what is searched, with the text that stands for each when it is not given:
 * yargs is told of no default, so that what --resume finds can be compared with what was given.
 */
const JOB_DEFAULTS = {
  cpus: RUN_OPTIONS.cpus.default,
  kernel: RUN_OPTIONS.kernel.default,
  seed: RUN_OPTIONS.seed.default,
  strategy: 'exhaustive',
  preemptions: '2',
  entries: '2',
  runs: '1000',
  depth: '2',
  'max-instructions': '1000000',
  'max-memory': RUN_OPTIONS['max-memory'].default,
} as const;

const described = (name: keyof typeof JOB_DEFAULTS, describe: string) =>
  ({
    type: 'string',
    requiresArg: true,
    describe,
    defaultDescription: JOB_DEFAULTS[name],
  }) as const;
const limit = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;

export const FUZZ_OPTIONS = {
  strategy: {
    ...described('strategy', 'which schedules are tried, and in which order'),
    choices: STRATEGY_NAMES,
  },
  preemptions: described('preemptions', 'interruptions of one schedule, at most'),
  entries: described('entries', 'interrupt the first entries of each section by each task'),
  signal: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'SIGNAL[@TASK] that may come from outside at each boundary; may be repeated',
  },
  runs: described('runs', 'schedules to draw, for strategies that draw'),
  depth: described('depth', 'for pct: the ordering constraints that a bug needs'),
  cpus: described('cpus', RUN_OPTIONS.cpus.describe),
  kernel: described('kernel', RUN_OPTIONS.kernel.describe),
  seed: described('seed', RUN_OPTIONS.seed.describe),
  'max-instructions': described('max-instructions', 'cut a schedule after so many instructions'),
  'max-memory': described('max-memory', RUN_OPTIONS['max-memory'].describe),
  env: { type: 'string', array: true, nargs: 1, describe: RUN_OPTIONS.env.describe },
  jobs: {
    ...limit('worker processes; what is found does not depend on it'),
    defaultDescription: 'all cores',
  },
  time: limit('stop after so many seconds'),
  schedules: limit('stop after so many schedules'),
  out: limit('keep results in this folder as they come, for --resume'),
  resume: limit('go on with the search in this folder'),
  'save-schedule': {
    ...limit('where a failing schedule goes, for replay'),
    defaultDescription: 'failure.json, in the folder of --out if there is one',
  },
  certificate: limit('where a pass is certified, for verify'),
  junit: limit('write the verdict as JUnit XML (- is standard output)'),
  tap: limit('write the verdict in the Test Anything Protocol (- is standard output)'),
  ...OUTPUT_OPTIONS,
} as const;

/** What `fuzz` was asked to do. */
export interface FuzzOptions {
  /** `undefined` for a search that is resumed: its own guest. */
  readonly file: string | undefined;
  /** What to search, but for the guest's file. */
  readonly settings: Omit<SearchJob, 'guest'> & Pick<SearchJob['guest'], 'args' | 'env'>;
  /** Names of the options of the settings that were given; `--` for arguments of the guest. */
  readonly given: ReadonlySet<string>;
  readonly jobs: number;
  readonly seconds: number | undefined;
  readonly schedules: number | undefined;
  readonly out: string | undefined;
  readonly resume: string | undefined;
  readonly scheduleFile: string | undefined;
  readonly certificate: string | undefined;
  readonly junit: string | undefined;
  readonly tap: string | undefined;
  readonly json: string | undefined;
  readonly quiet: boolean;
  readonly offline: boolean;
}

type Arguments = Readonly<Record<string, unknown>>;

/** Checks what yargs has parsed. @throws UserError `usage` */
export function readFuzzOptions(argv: Arguments): FuzzOptions {
  const optional = (name: string): string | undefined =>
    argv[name] === undefined ? undefined : String(argv[name]);
  const integer = (name: string, high: number): number | undefined => {
    const text = optional(name);
    return text === undefined ? undefined : parseInteger(name, text, 1, high);
  };
  const [file, out, resume] = [optional('file'), optional('out'), optional('resume')];
  if (file === undefined && resume === undefined) {
    throw new UserError(
      'usage',
      'fuzz needs a FILE, a static ELF64 executable or a flat .bin, or --resume DIR',
    );
  }
  if (out !== undefined && resume !== undefined) {
    throw new UserError('usage', '--resume DIR goes on in DIR: it takes no --out');
  }
  return {
    file,
    settings: readSettings(argv),
    given: new Set(Object.keys(JOB_VALUES).filter((name) => argv[name] !== undefined)),
    jobs: integer('jobs', JOBS_MAX) ?? availableParallelism(),
    seconds: integer('time', SECONDS_MAX),
    schedules: integer('schedules', Number.MAX_SAFE_INTEGER),
    out,
    resume,
    scheduleFile: optional('save-schedule'),
    certificate: optional('certificate'),
    junit: optional('junit'),
    tap: optional('tap'),
    json: optional('json'),
    quiet: argv.quiet === true,
    offline: argv.offline === true,
  };
}

/** What decides which schedules are searched. @throws UserError `usage` */
export function readSettings(argv: Arguments): FuzzOptions['settings'] {
  const text = (name: keyof typeof JOB_DEFAULTS): string =>
    String(argv[name] ?? JOB_DEFAULTS[name]);
  const integer = (name: keyof typeof JOB_DEFAULTS, low: number, high: number): number =>
    parseInteger(name, text(name), low, high);
  const seed = integer('seed', 0, SEED_MAX);
  return {
    args: words(argv['--']),
    env: parseEnvironment(words(argv.env)),
    ...(argv.symbols !== undefined && { symbols: String(argv.symbols) }),
    kernel: selectorOf(parseKernel(text('kernel'))),
    cpus: integer('cpus', 1, 64),
    seed,
    memoryLimitBytes: integer('max-memory', 1, 4096) * MEBIBYTE,
    strategy: strategyOf(text('strategy')),
    bounds: {
      preemptions: integer('preemptions', 0, PREEMPTIONS_MAX),
      entries: integer('entries', 1, ENTRIES_MAX),
      instructions: integer('max-instructions', 1, Number.MAX_SAFE_INTEGER),
      signals: parseSignals(words(argv.signal)),
      runs: integer('runs', 1, RUNS_MAX),
      seed,
      depth: integer('depth', 1, DEPTH_MAX),
    },
  };
}

function words(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function strategyOf(name: string): StrategyName {
  const isKnown = (key: string): key is StrategyName => STRATEGY_NAMES.includes(key);
  if (isKnown(name)) return name;
  throw new UserError('usage', `--strategy takes ${STRATEGY_NAMES.join(', ')}, not ${name}`);
}

type JobValue = (job: FuzzOptions['settings']) => unknown;

/** Options that decide what is searched, by name, with where a job has them. */
export const JOB_VALUES: Readonly<Record<string, JobValue>> = {
  '--': ({ args }) => args,
  env: ({ env }) => env,
  symbols: ({ symbols }) => symbols,
  kernel: ({ kernel }) => kernel,
  cpus: ({ cpus }) => cpus,
  seed: ({ seed }) => seed,
  strategy: ({ strategy }) => strategy,
  preemptions: ({ bounds }) => bounds.preemptions,
  entries: ({ bounds }) => bounds.entries,
  signal: ({ bounds }) => bounds.signals,
  runs: ({ bounds }) => bounds.runs,
  depth: ({ bounds }) => bounds.depth,
  'max-instructions': ({ bounds }) => bounds.instructions,
  'max-memory': ({ memoryLimitBytes }) => memoryLimitBytes / MEBIBYTE,
};
