import { setImmediate } from 'node:timers/promises';
import { compare, type Subject } from '../compare/compare.ts';
import { formatDocument, formatReport } from '../compare/report.ts';
import { DEFAULT_KERNELS, WORKLOADS } from '../compare/subject.ts';
import { UserError } from '../errors.ts';
import { loadProgram } from '../loader/load.ts';
import { EXIT_INTERRUPTED } from './exit-status.ts';
import { parseKernel } from './options.ts';
import { checkOutputs, writeFileOrStdout, writeLines } from './output.ts';
import { openDefaultMachine } from './session.ts';
import type { Verb } from './verb.ts';

const DEFAULT_WORKLOAD = 'counter';

const builder = {
  workload: {
    type: 'string',
    requiresArg: true,
    describe: `each kernel with its own build of it: ${WORKLOADS.join(', ')}`,
  },
  kernels: {
    type: 'string',
    requiresArg: true,
    describe: 'kernels to compare, separated by commas',
  },
  json: {
    type: 'string',
    requiresArg: true,
    describe: 'write rows and claims as JSON (-: stdout)',
  },
  markdown: { type: 'string', requiresArg: true, describe: 'write the tables as a document' },
  quiet: { type: 'boolean', default: false, describe: 'no tables and no progress' },
  offline: { type: 'boolean', default: false, describe: 'fetch nothing' },
  symbols: { type: 'string', requiresArg: true, describe: 'ELF file that brings the symbols' },
} as const;

/** `compare`: the same work under several ABIs, or one program under several kernels. */
export const compareVerb: Verb = {
  describe: 'measure the same work under several ABIs or kernels',
  positionals: '[file]',
  configure: (parser) =>
    parser
      .positional('file', { type: 'string', describe: 'one program for all kernels' })
      .options(builder)
      .example('$0 --workload counter', 'every ABI from 2015 on, and the claims of the debate')
      .example('$0 --workload list --kernels turner-v2,linux-6.18', 'two of them')
      .example(
        '$0 guest/counter.bin --kernels 5.4,6.18,7.1 -- 8 100',
        'one program, three kernels',
      ),
  prepare: (argv) => {
    const options = readOptions(argv);
    return () => run(options);
  },
};

type CompareOptions = ReturnType<typeof readOptions>;

function readOptions(argv: Readonly<Record<string, unknown>>) {
  const optional = (name: string): string | undefined =>
    argv[name] === undefined ? undefined : String(argv[name]);
  const guestArgs = argv['--'];
  const kernels = optional('kernels');
  const file = optional('file');
  if (file !== undefined && argv.workload !== undefined) {
    throw new UserError('usage', 'compare takes a FILE or --workload, not both');
  }
  if (file !== undefined && kernels === undefined) {
    throw new UserError('usage', 'compare FILE needs --kernels A,B');
  }
  if (file === undefined && Array.isArray(guestArgs) && guestArgs.length > 0) {
    throw new UserError('usage', 'a workload takes no arguments: compare FILE -- ARGUMENTS does');
  }
  const names = kernels?.split(',') ?? DEFAULT_KERNELS;
  return {
    file,
    workload: parseWorkload(optional('workload') ?? DEFAULT_WORKLOAD),
    args: Array.isArray(guestArgs) ? guestArgs.map(String) : [],
    profiles: names.map(parseKernel),
    /** As given, for the command that a document quotes. */
    kernels,
    json: optional('json'),
    markdown: optional('markdown'),
    quiet: argv.quiet === true,
    offline: argv.offline === true,
    symbols: optional('symbols'),
  };
}

function parseWorkload(name: string) {
  const found = WORKLOADS.find((each) => each === name);
  if (found !== undefined) return found;
  throw new UserError(
    'usage',
    `--workload takes ${WORKLOADS.join(', ')}, not ${JSON.stringify(name)}`,
  );
}

async function run(options: CompareOptions): Promise<number> {
  const { json, markdown, quiet, profiles } = options;
  const subject = readSubject(options);
  checkOutputs({ json, markdown });
  const machine = await openDefaultMachine({ offline: options.offline, logReads: true });
  const interruption = listen();
  const report = await compare(machine, subject, profiles, async (...progress) => {
    if (!quiet) showProgress(...progress);
    await setImmediate();
    return !interruption.hasCome();
  });
  interruption.stop();
  if (json !== undefined) writeFileOrStdout(json, `${JSON.stringify(report, null, 2)}\n`);
  if (markdown !== undefined) {
    writeFileOrStdout(markdown, formatDocument(report, commandOf(options)));
  }
  if (!quiet && json !== '-' && markdown !== '-') process.stdout.write(formatReport(report));
  if (!interruption.hasCome()) return 0;
  writeLines([`interrupted after ${report.rows.length} of ${profiles.length} kernels`]);
  return EXIT_INTERRUPTED;
}

function readSubject({ file, workload, args, symbols, quiet }: CompareOptions): Subject {
  if (file === undefined) return { kind: 'workload', workload };
  const { image, warnings } = loadProgram(file, { symbolsPath: symbols });
  if (!quiet) writeLines(warnings);
  return { kind: 'program', image, args };
}

function commandOf({ file, workload, kernels, args, markdown }: CompareOptions): string {
  const parts = [
    'npm run compare --',
    file ?? `--workload ${workload}`,
    ...(kernels === undefined ? [] : [`--kernels ${kernels}`]),
    ...(markdown === undefined ? [] : [`--markdown ${markdown}`]),
    ...(args.length === 0 ? [] : ['--', ...args]),
  ];
  return parts.join(' ');
}

/** One line that is written over, on a terminal only. */
function showProgress(done: number, all: number, profile: string): void {
  if (!process.stderr.isTTY) return;
  const text = profile === '' ? '' : `compare: ${done} of ${all} kernels done, now ${profile}`;
  process.stderr.write(`\r\x1b[K${text}`);
}

/** Ctrl-C is heard between two kernels. */
function listen() {
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  return {
    hasCome: () => isInterrupted,
    stop: () => {
      process.removeListener('SIGINT', interrupt);
      process.removeListener('SIGTERM', interrupt);
    },
  };
}
