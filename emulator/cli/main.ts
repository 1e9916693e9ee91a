import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import yargs, { type Argv } from 'yargs';
import { UserError } from '../errors.ts';
import { EXIT_OURS } from './exit-status.ts';
import { explainMistake } from './usage-mistakes.ts';
import type { Action, Verb } from './verb.ts';

/** Each verb is loaded when it is used: start-up time counts. */
const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  emulate: async () => (await import('./emulate.ts')).emulateVerb,
  compare: async () => (await import('./compare.ts')).compareVerb,
  fuzz: async () => (await import('./fuzz.ts')).fuzzVerb,
  replay: async () => (await import('./replay.ts')).replayVerb,
  verify: async () => (await import('./verify.ts')).verifyVerb,
  check: async () => (await import('./check.ts')).checkVerb,
  rules: async () => (await import('./rules.ts')).rulesVerb,
  kernels: async () => (await import('./kernels.ts')).kernelsVerb,
  regress: async () => (await import('./regress.ts')).regressVerb,
};

/** Verbs that the clone's launcher runs itself; here for --help only. */
const SCRIPTS: Readonly<Record<string, string>> = {
  guests: 'compile the guests again',
  bench: 'measure the engine and the machine against C',
  mutate: 'ask the search about mutants of correct guests, and brute force too',
};

const EXAMPLES = `Examples:
  rseq-testbed emulate guest/counter.bin
  rseq-testbed emulate guest/counter.bin --cpus 8 --tick 7 -- 4 1000
  rseq-testbed emulate guest/counter.bin --save-schedule run.json
  rseq-testbed replay run.json
  rseq-testbed compare --workload counter
  rseq-testbed check guest/counter.elf

In a clone: npm run emulate -- guest/counter.bin --cpus 8 -- 4 1000`;

const WIDTH_MAX = 100;
const WIDTH_WITHOUT_TERMINAL = 80;

/**
 * The command line. Returns the exit status; messages and help are printed.
 * @param argv the arguments after the program's name
 */
export async function main(argv: string[]): Promise<number> {
  try {
    const action = await parse(argv);
    return (await action?.()) ?? 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`rseq-testbed: ${error.message.replace(/\s*\n\s*/g, '; ')}\n`);
    return EXIT_OURS;
  }
}

/** The action that the arguments ask for; `undefined` if help was printed instead. */
async function parse(argv: string[]): Promise<Action | undefined> {
  const [name = '', ...rest] = argv;
  const load = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (load === undefined) {
    await parseOverview(argv);
    return undefined;
  }
  const verb = await load();
  let action: Action | undefined;
  // The verb is the parser's default command: for others yargs lays out its help each time (20 ms).
  common(yargs(rest).scriptName(`rseq-testbed ${name}`), (message) =>
    explainMistake(message, name, rest),
  )
    .command(
      `$0 ${verb.positionals}`.trim(),
      verb.describe,
      (parser) => verb.configure(parser),
      (parsed) => {
        refuseRepetition(parsed, verb.lists);
        refuseFlagValues(parsed, rest);
        action = verb.prepare(parsed);
      },
    )
    .parse();
  return action;
}

/** yargs makes a list of what is given more than once. @throws UserError `usage` */
function refuseRepetition(
  parsed: Readonly<Record<string, unknown>>,
  lists: readonly string[] = [],
): void {
  const known = new Set(['_', '--', ...lists]);
  for (const [name, value] of Object.entries(parsed)) {
    if (Array.isArray(value) && !known.has(name)) {
      throw new UserError('usage', `--${name} is given more than once: ${value.join(', ')}`);
    }
  }
}

/** yargs takes any value of a flag for "yes". @throws UserError `usage` */
function refuseFlagValues(
  parsed: Readonly<Record<string, unknown>>,
  argv: readonly string[],
): void {
  const end = argv.indexOf('--');
  for (const word of end < 0 ? argv : argv.slice(0, end)) {
    const [, name = '', value = ''] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    if (typeof parsed[name] !== 'boolean' || value === 'true' || value === 'false') continue;
    throw new UserError('usage', `--${name} takes no value, not ${JSON.stringify(value)}`);
  }
}

async function parseOverview(argv: string[]): Promise<void> {
  const [first = ''] = argv;
  const parser = common(yargs(argv).scriptName('rseq-testbed'), (message) =>
    /^Unknown arg/.test(message)
      ? `there is no verb ${JSON.stringify(first)}; --help lists them`
      : message,
  )
    .usage('$0 VERB\n\nRuns restartable-sequence code on emulated vCPUs under a kernel model.')
    .version(`rseq-testbed ${ownVersion()}`)
    .demandCommand(1, 'name a verb; --help lists them')
    .epilogue(EXAMPLES);
  for (const [name, load] of Object.entries(VERBS)) {
    const { describe, positionals } = await load();
    parser.command(`${name} ${positionals}`, describe);
  }
  for (const [name, describe] of Object.entries(SCRIPTS)) parser.command(name, describe);
  parser.parse();
}

/** The version in the package.json of the project that this file belongs to. */
function ownVersion(): string {
  const file = join(dirname(dirname(import.meta.dirname)), 'package.json');
  const { version }: { version?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
  return String(version);
}

/** @param explain puts the parser's words for a mistake into ours */
function common(parser: Argv, explain: (message: string) => string): Argv {
  return parser
    .parserConfiguration({ 'populate--': true })
    .strict()
    .version(false)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(WIDTH_MAX, process.stdout.columns ?? WIDTH_WITHOUT_TERMINAL))
    .exitProcess(false)
    .fail((message, error: Error | undefined) => {
      // Mistakes of the user come as a message, some as a YError.
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new UserError('usage', explain(error?.message ?? message));
    });
}
