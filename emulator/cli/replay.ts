import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../errors.ts';
import { ReplayStrategy } from '../explore/strategies/replay.ts';
import type { ProgramImage } from '../loader/image.ts';
import { loadProgram } from '../loader/load.ts';
import type { Machine } from '../machine/machine.ts';
import { isPass, type Outcome } from '../machine/outcome.ts';
import { isPrintedSchedule, type Schedule } from '../machine/schedule.ts';
import { parsePrintedSchedule, parseSchedule } from '../machine/schedule-parser.ts';
import { formatFinding } from '../report/run-findings.ts';
import { reportRun } from '../report/run-report.ts';
import { describeOutcome } from '../report/summary.ts';
import { RunValidators } from '../validate/dynamic/run-validators.ts';
import { EXIT_INTERRUPTED } from './exit-status.ts';
import { settleFindings, type ValidatedOutcome } from './findings.ts';
import { readInput } from './input.ts';
import { OUTPUT_OPTIONS, parseKernel } from './options.ts';
import { checkWritable, guestOutput, writeFileOrStdout, writeLines } from './output.ts';
import { runInterruptibly } from './run-interruptibly.ts';
import { openDefaultMachine } from './session.ts';
import type { Verb } from './verb.ts';

const STATUS_PASS_REPRODUCED = 0;
const STATUS_FAILURE_REPRODUCED = 1;
const STATUS_DIVERGED = 2;

const builder = {
  guest: {
    type: 'string',
    requiresArg: true,
    describe: 'the guest, if it is no longer where the schedule says',
  },
  force: { type: 'boolean', default: false, describe: 'replay even on another guest' },
  ...OUTPUT_OPTIONS,
} as const;

/** `replay SCHEDULE`: runs a recorded schedule again and compares. */
export const replayVerb: Verb = {
  describe: 'run a recorded schedule again and compare',
  positionals: '[schedule]',
  configure: (parser) =>
    parser
      .positional('schedule', {
        type: 'string',
        describe: 'file of --save-schedule, or word of --print-schedule',
      })
      .options(builder),
  prepare: (argv) => {
    const options = readOptions(argv);
    return () => replay(options);
  },
};

type ReplayOptions = ReturnType<typeof readOptions>;

function readOptions(argv: Readonly<Record<string, unknown>>) {
  if (argv.schedule === undefined) {
    throw new UserError(
      'usage',
      'replay needs a SCHEDULE: a file of --save-schedule or a word of --print-schedule',
    );
  }
  const optional = (name: string): string | undefined =>
    argv[name] === undefined ? undefined : String(argv[name]);
  return {
    schedule: String(argv.schedule),
    guest: optional('guest'),
    force: argv.force === true,
    json: optional('json'),
    symbols: optional('symbols'),
    quiet: argv.quiet === true,
    offline: argv.offline === true,
  };
}

async function replay(options: ReplayOptions): Promise<number> {
  const schedule = isPrintedSchedule(options.schedule)
    ? parsePrintedSchedule(options.schedule)
    : parseSchedule(readInput(options.schedule, 'schedule-unreadable'), options.schedule);
  checkWritable(options.json);
  const profile = parseKernel(schedule.kernel);
  const path = options.guest ?? schedule.guest.path;
  const { image } = loadProgram(path, { symbolsPath: options.symbols });
  if (image.sha256 !== schedule.guest.sha256 && !options.force) {
    throw new UserError(
      'schedule-guest-mismatch',
      `${path} is not the guest of this schedule (its SHA-256 differs); --force replays anyway`,
    );
  }
  const machine = await openDefaultMachine({ offline: options.offline });
  const watcher = new RunValidators(machine, image, profile);
  machine.boot({
    program: { image, args: schedule.guest.args, env: schedule.guest.env },
    profile,
    vcpus: schedule.cpus,
    seed: schedule.seed,
    maxInstructions: schedule.maxInstructions,
    strategy: new ReplayStrategy(schedule.decisions),
    output: guestOutput(options.json),
    watcher,
  });
  await runInterruptibly(machine);
  const validated = await settleFindings(
    { ...schedule, ...schedule.guest, machine, watcher, image, profile },
    () => openDefaultMachine({ offline: options.offline, logReads: true }),
  );
  return conclude(machine, image, schedule, options, validated);
}

function conclude(
  machine: Machine,
  image: ProgramImage,
  schedule: Schedule,
  options: ReplayOptions,
  { outcome, findings }: ValidatedOutcome,
): number {
  const { cpus, seed, tick } = schedule;
  const command = `npx rseq-testbed replay ${options.schedule}`;
  const kernel = machine.kernel.profile.name;
  const report = {
    ...reportRun(machine, image, { kernel, cpus, seed, tick }, command, findings),
    outcome: outcome ?? { kind: 'interrupted' as const },
  };
  const differences = outcome === undefined ? [] : compare(machine, image, schedule, outcome);
  if (options.json !== undefined) {
    const reproduced = outcome !== undefined && differences.length === 0;
    const text = JSON.stringify({ ...report, reproduced, differences }, null, 2);
    writeFileOrStdout(options.json, `${text}\n`);
  }
  if (outcome === undefined) {
    writeLines(['interrupted']);
    return EXIT_INTERRUPTED;
  }
  if (differences.length > 0) {
    if (!options.quiet) writeLines(differences.map((difference) => `diverged: ${difference}`));
    return STATUS_DIVERGED;
  }
  if (!options.quiet) {
    const result = describeOutcome(schedule.outcome, image);
    writeLines([`reproduced: ${result}, state hash ${schedule.stateHash}`]);
    writeLines(findings.flatMap(formatFinding), '');
  }
  return isPass(schedule.outcome) ? STATUS_PASS_REPRODUCED : STATUS_FAILURE_REPRODUCED;
}

/** What differs between the run and its recording, one line each. */
function compare(
  machine: Machine,
  image: ProgramImage,
  schedule: Schedule,
  outcome: Outcome,
): string[] {
  const { counts } = machine;
  const differences: string[] = [];
  if (!isDeepStrictEqual(outcome, schedule.outcome)) {
    const [now, then] = [outcome, schedule.outcome].map((each) => describeOutcome(each, image));
    differences.push(`${now}; recorded: ${then}`);
  }
  if (counts.instructions !== schedule.instructions) {
    differences.push(`${counts.instructions} instructions; recorded: ${schedule.instructions}`);
  }
  if (machine.decisionCount !== schedule.decisions.length) {
    differences.push(
      `${machine.decisionCount} decisions used; recorded: ${schedule.decisions.length}`,
    );
  }
  const hash = machine.stateHash();
  if (hash !== schedule.stateHash) {
    differences.push(`state hash ${hash}; recorded: ${schedule.stateHash}`);
  }
  return differences;
}
