import { selectorOf } from '../../kernel-model/rseq/resolve.ts';
import { UserError } from '../errors.ts';
import { DefaultStrategy } from '../explore/strategies/default.ts';
import { loadProgram } from '../loader/load.ts';
import { exitStatusOf } from '../machine/outcome.ts';
import { formatSchedule, printSchedule } from '../machine/schedule.ts';
import { recordSchedule } from '../report/recorded-schedule.ts';
import { formatFinding } from '../report/run-findings.ts';
import { reportRun } from '../report/run-report.ts';
import { describeOutcome, formatSummary } from '../report/summary.ts';
import { formatSyscall } from '../trace/strace.ts';
import { RunValidators } from '../validate/dynamic/run-validators.ts';
import { EXIT_INTERRUPTED, EXIT_OURS } from './exit-status.ts';
import { settleFindings } from './findings.ts';
import {
  OUTPUT_OPTIONS,
  parseEnvironment,
  parseInteger,
  parseKernel,
  parseSignals,
  RUN_OPTIONS,
} from './options.ts';
import { checkOutputs, guestOutput, writeFileOrStdout, writeLines } from './output.ts';
import { repeatCommand } from './repeat-command.ts';
import { runInterruptibly } from './run-interruptibly.ts';
import { openDefaultMachine } from './session.ts';
import { parseStepOptions, prepareStepping, STEP_OPTIONS } from './step-options.ts';
import type { Verb } from './verb.ts';

const MEBIBYTE = 2 ** 20;
const SEED_MAX = 2 ** 32 - 1;
const TICK_MAX = 1_000_000_000;

const builder = {
  ...RUN_OPTIONS,
  'save-schedule': {
    type: 'string',
    requiresArg: true,
    describe: 'write the schedule of this run, for replay',
  },
  'print-schedule': {
    type: 'boolean',
    default: false,
    describe: 'print the schedule as one word, which replay takes too',
  },
  ...STEP_OPTIONS,
  ...OUTPUT_OPTIONS,
} as const;

/** `emulate FILE [-- guest args]`: one run under the default scheduler. */
export const emulateVerb: Verb = {
  describe: 'run a guest once under the default scheduler',
  positionals: '[file]',
  lists: ['env', 'signal'],
  configure: (parser) =>
    parser
      .positional('file', { type: 'string', describe: 'static ELF64 executable or flat .bin' })
      .options(builder)
      .example('$0 guest/counter.bin --cpus 8 -- 4 1000', '4 tasks on 8 vCPUs')
      .example('$0 guest/counter.bin --step 2 --step-policy native', 'what a debugger does to it'),
  prepare: (argv) => {
    const options = readOptions(argv);
    return () => emulate(options);
  },
};

type EmulateOptions = ReturnType<typeof readOptions>;

function readOptions(argv: Readonly<Record<string, unknown>>) {
  if (argv.file === undefined) {
    throw new UserError('usage', 'emulate needs a FILE: a static ELF64 executable or a flat .bin');
  }
  const text = (name: string): string => String(argv[name]);
  const optional = (name: string): string | undefined =>
    argv[name] === undefined ? undefined : text(name);
  const guestArgs = argv['--'];
  const signals = Array.isArray(argv.signal) ? argv.signal.map(String) : [];
  return {
    file: text('file'),
    args: Array.isArray(guestArgs) ? guestArgs.map(String) : [],
    signals,
    injected: parseSignals(signals),
    env: parseEnvironment(Array.isArray(argv.env) ? argv.env.map(String) : []),
    profile: parseKernel(text('kernel')),
    cpus: parseInteger('cpus', text('cpus'), 1, 64),
    seed: parseInteger('seed', text('seed'), 0, SEED_MAX),
    tick: parseInteger('tick', text('tick'), 1, TICK_MAX),
    maxInstructions: parseInteger(
      'max-instructions',
      text('max-instructions'),
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    memoryMebibytes: parseInteger('max-memory', text('max-memory'), 1, 4096),
    escalate: argv.escalate === true,
    strace: argv.strace === true,
    quiet: argv.quiet === true,
    offline: argv.offline === true,
    json: optional('json'),
    symbols: optional('symbols'),
    saveSchedule: optional('save-schedule'),
    printSchedule: argv.printSchedule === true,
    stepping: parseStepOptions(argv),
  };
}

async function emulate(options: EmulateOptions): Promise<number> {
  const { image, warnings } = loadProgram(options.file, { symbolsPath: options.symbols });
  checkOutputs({ json: options.json, 'save-schedule': options.saveSchedule });
  if (!options.quiet) writeLines(warnings);
  const { stepping } = options;
  const step = stepping === undefined ? undefined : prepareStepping(stepping, image);
  const machineOptions = {
    offline: options.offline,
    memoryLimitBytes: options.memoryMebibytes * MEBIBYTE,
  };
  const machine = await openDefaultMachine(machineOptions);
  const { profile, cpus, seed, tick, maxInstructions } = options;
  const scheduler = new DefaultStrategy({
    seed,
    tickInstructions: tick,
    escalate: options.escalate,
    signals: options.injected,
  });
  const watcher = new RunValidators(machine, image, profile);
  machine.boot({
    program: { image, args: options.args, env: options.env },
    profile,
    vcpus: cpus,
    seed,
    maxInstructions,
    strategy: scheduler,
    output: guestOutput(options.json),
    watcher,
    ...(options.strace && {
      onSyscall: (...call) => writeLines([formatSyscall(...call)], ''),
    }),
  });
  const debugged = step?.(machine, scheduler);
  await runInterruptibly(debugged?.session ?? machine);
  const stepped = debugged?.finish();
  const { outcome, findings } = await settleFindings({ ...options, machine, watcher, image }, () =>
    openDefaultMachine({ ...machineOptions, logReads: true }),
  );
  const settings = { kernel: profile.name, cpus, seed, tick };
  const report = {
    ...reportRun(machine, image, settings, repeatCommand(options), findings),
    outcome: outcome ?? { kind: 'interrupted' as const },
    ...(stepped !== undefined && { stepping: stepped }),
  };
  const schedule = recordSchedule(machine, image, {
    ...settings,
    kernel: selectorOf(profile),
    args: options.args,
    env: options.env,
    maxInstructions,
    outcome,
  });
  if (!options.quiet) {
    writeLines([formatSummary(report, image), ...findings.flatMap(formatFinding)], '');
  }
  if (options.printSchedule && schedule !== undefined) {
    writeLines([printSchedule(schedule)], '');
  }
  if (options.saveSchedule !== undefined && schedule !== undefined) {
    writeFileOrStdout(options.saveSchedule, formatSchedule(schedule));
  }
  if (options.json !== undefined) {
    writeFileOrStdout(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (outcome === undefined) return EXIT_INTERRUPTED;
  if (outcome.kind === 'unsupported') {
    writeLines([describeOutcome(outcome, image)]);
    return EXIT_OURS;
  }
  return exitStatusOf(outcome);
}
