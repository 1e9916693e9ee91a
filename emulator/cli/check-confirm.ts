import { availableParallelism } from 'node:os';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { UserError } from '../errors.ts';
import type { SearchJob } from '../explore/campaign/job.ts';
import { evidenceFor, suspectsOf } from '../explore/confirm.ts';
import type { LoadedProgram } from '../loader/image.ts';
import { openMachine } from '../machine/open.ts';
import type { Confirmation, ConfirmingSearch } from '../report/check/confirm.ts';
import type { FileFinding } from '../validate/static/check-files.ts';
import { searchedBy } from './fuzz-failure.ts';
import { FUZZ_OPTIONS, readSettings } from './fuzz-options.ts';
import { type Machines, saveSchedule } from './fuzz-schedules.ts';
import { parseInteger } from './options.ts';
import { searchInterruptibly } from './search-interruptibly.ts';
import { locateDefaultLibrary } from './session.ts';

const SECOND = 1000;
const SECONDS_MAX = 24 * 3600;
const DEFAULT_SECONDS = '60';

const { cpus, preemptions, entries, signal, env, 'max-instructions': maximum } = FUZZ_OPTIONS;

export const CONFIRM_OPTIONS = {
  confirm: {
    type: 'boolean',
    default: false,
    describe: 'run the program under a search, and say which findings it confirms',
  },
  ...{ cpus, preemptions, entries, signal, env, 'max-instructions': maximum },
  time: {
    type: 'string',
    requiresArg: true,
    describe: 'stop the search after so many seconds',
    defaultDescription: DEFAULT_SECONDS,
  },
  offline: { type: 'boolean', default: false, describe: 'never fetch libunicorn' },
} as const;

/** How findings are to be confirmed. */
export interface ConfirmOptions {
  readonly settings: ReturnType<typeof readSettings>;
  readonly seconds: number;
  readonly offline: boolean;
}

type Arguments = Readonly<Record<string, unknown>>;

/** `undefined` without `--confirm`. @throws UserError `usage` for what needs it, or does not fit it. */
export function readConfirmOptions(argv: Arguments): ConfirmOptions | undefined {
  if (argv.confirm === true) {
    if (argv.format === 'sarif') {
      throw new UserError('usage', '--confirm goes with --format text or json, not sarif');
    }
    if (Array.isArray(argv.file) && argv.file.length > 1) {
      throw new UserError('usage', '--confirm takes one file: the program to run');
    }
    const seconds = parseInteger('time', String(argv.time ?? DEFAULT_SECONDS), 1, SECONDS_MAX);
    return { settings: readSettings(argv), seconds, offline: argv.offline === true };
  }
  const isGiven = (name: string) => name !== 'confirm' && argv[name] !== undefined;
  const needless = Object.keys(CONFIRM_OPTIONS).find(
    (name) => isGiven(name) && argv[name] !== false,
  );
  const hasArguments = Array.isArray(argv['--']) && argv['--'].length > 0;
  if (needless !== undefined || hasArguments) {
    const what = needless === undefined ? 'what follows --' : `--${needless}`;
    throw new UserError('usage', `${what} goes with --confirm: check alone runs nothing`);
  }
  return undefined;
}

/**
 * Searches the schedules of a program for what its findings warn of, and saves a schedule for each that
 * it confirms; `undefined` where there is none. @throws UserError for what cannot be run.
 */
export async function confirmFindings(
  { image }: LoadedProgram,
  findings: readonly FileFinding[],
  { settings, seconds, offline }: ConfirmOptions,
): Promise<ConfirmingSearch | undefined> {
  if (findings.length === 0) return undefined;
  const libraryPath = await locateDefaultLibrary({ offline });
  const { args, env: environment, ...rest } = settings;
  const suspects = suspectsOf(findings);
  const job: SearchJob = {
    guest: { path: image.path, sha256: image.sha256, args, env: environment },
    ...rest,
    bounds: { ...rest.bounds, suspects },
  };
  const startedAt = performance.now();
  const jobs = availableParallelism();
  const result = await searchInterruptibly({
    ...{ job, libraryPath, jobs, seconds },
    schedules: undefined,
    folder: undefined,
    quiet: false,
  });
  const { memoryLimitBytes } = job;
  const save = scheduleSaver(job, image, {
    machine: openMachine({ libraryPath, memoryLimitBytes }),
    openLogging: () => openMachine({ libraryPath, memoryLimitBytes, logReads: true }),
  });
  const confirmations = findings.map((finding): Confirmation => {
    const evidence = evidenceFor(finding, suspects, result.tally);
    if (evidence === undefined) return { finding, evidence, scheduleFile: undefined };
    const { decisions } = evidence.kind === 'failure' ? evidence.failure : evidence.found;
    return { finding, evidence, scheduleFile: save(decisions) };
  });
  return {
    ...{ confirmations, result, image, kernel: job.kernel, cpus: job.cpus },
    preemptions: job.bounds.preemptions,
    seconds: (performance.now() - startedAt) / SECOND,
  };
}

/** Saves schedules by number, each once. */
function scheduleSaver(
  job: SearchJob,
  image: Parameters<typeof searchedBy>[1],
  machines: Machines,
): (decisions: readonly Decision[]) => string {
  const files = new Map<readonly Decision[], string>();
  return (decisions) => {
    const file = files.get(decisions) ?? `confirm-${files.size + 1}.json`;
    if (!files.has(decisions)) {
      saveSchedule(machines, decisions, searchedBy(job, image, job.cpus), job, file);
      files.set(decisions, file);
    }
    return file;
  };
}
