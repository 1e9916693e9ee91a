import { UserError } from '../errors.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { Strategy } from '../machine/strategy.ts';
import type { SteppingReport } from '../report/run-report.ts';
import { STEP_POLICIES, STEP_POLICY_NAMES, type StepPolicyName } from '../stepping/registry.ts';
import { SteppingSession } from '../stepping/session.ts';
import { StepPrinter } from '../stepping/step-line.ts';
import { parseInteger } from './options.ts';
import { writeLines } from './output.ts';

const TASK_MAX = 1_000_000;
const DEFAULT_POLICY = 'transparent';
const POLICY_TEXT = STEP_POLICY_NAMES.map((name) => `${name}: ${STEP_POLICIES[name].summary}`);

/** Options of `emulate` for stepping a task. */
export const STEP_OPTIONS = {
  step: {
    type: 'string',
    requiresArg: true,
    describe: 'step a task (1 is the first), one instruction at a time, and print each step',
  },
  'step-policy': {
    type: 'string',
    requiresArg: true,
    describe: `how; ${POLICY_TEXT.join('. ')}`,
    defaultDescription: DEFAULT_POLICY,
  },
  'step-from': {
    type: 'string',
    requiresArg: true,
    describe: 'begin where the task first reaches this symbol or address',
  },
  'step-count': { type: 'string', requiresArg: true, describe: 'end after so many steps' },
  'step-others': {
    type: 'boolean',
    default: false,
    describe: 'other tasks run meanwhile; else only while the stepped one is blocked',
  },
} as const;

/** What the options ask for. */
export interface StepRequest {
  readonly task: number;
  readonly policy: StepPolicyName;
  readonly from: string | undefined;
  readonly count: number | undefined;
  readonly others: boolean;
}

/** @throws UserError for what makes no sense. */
export function parseStepOptions(argv: Readonly<Record<string, unknown>>): StepRequest | undefined {
  const text = (name: string) => (argv[name] === undefined ? undefined : String(argv[name]));
  const [task, policy = DEFAULT_POLICY, count] = ['step', 'step-policy', 'step-count'].map(text);
  if (task === undefined) {
    const names = ['step-policy', 'step-from', 'step-count'] as const;
    const given = names.find((name) => argv[name] !== undefined);
    const alone = given ?? (argv['step-others'] === true ? 'step-others' : undefined);
    if (alone === undefined) return undefined;
    throw new UserError('usage', `--${alone} needs --step TASK`);
  }
  const known = STEP_POLICY_NAMES.find((name) => name === policy);
  if (known === undefined) {
    throw new UserError(
      'usage',
      `--step-policy ${JSON.stringify(policy)}: there is ${STEP_POLICY_NAMES.join(', ')}`,
    );
  }
  return {
    task: parseInteger('step', task, 1, TASK_MAX),
    policy: known,
    from: text('step-from'),
    count:
      count === undefined
        ? undefined
        : parseInteger('step-count', count, 1, Number.MAX_SAFE_INTEGER),
    others: argv['step-others'] === true,
  };
}

/** The words that ask for the same again. */
export function stepArguments(request: StepRequest | undefined): string[] {
  if (request === undefined) return [];
  const words = ['--step', String(request.task), '--step-policy', request.policy];
  if (request.from !== undefined) words.push('--step-from', request.from);
  if (request.count !== undefined) words.push('--step-count', String(request.count));
  if (request.others) words.push('--step-others');
  return words;
}

/** A symbol's address, or a hexadecimal number. */
function resolveFrom(image: ProgramImage, from: string): number {
  const symbol = image.symbols.find(from);
  if (symbol !== undefined) return symbol;
  if (/^0x[0-9a-f]{1,12}$/i.test(from)) return Number(from);
  throw new UserError(
    'usage',
    `--step-from ${JSON.stringify(from)}: ${image.path} has no such symbol, and it is no address`,
  );
}

/** How the machine is to be stepped, and where the steps are printed. */
export interface Stepping {
  readonly session: SteppingSession;
  /** Called when the run is over. */
  readonly finish: () => SteppingReport;
}

/**
 * A session that is ready to run once the machine is booted.
 * @throws UserError before anything ran, if it cannot be as asked for.
 */
export function prepareStepping(
  request: StepRequest,
  image: ProgramImage,
): (machine: Machine, scheduler: Strategy) => Stepping {
  const policy = STEP_POLICIES[request.policy].make(image);
  const from = request.from === undefined ? undefined : resolveFrom(image, request.from);
  writeLines(policy.warnings ?? []);
  return (machine, scheduler) => {
    const { task, others, count: maxSteps } = request;
    const printer = new StepPrinter(image.symbols, task, (line) => writeLines([line], ''));
    const session = new SteppingSession(
      machine,
      { task, policy, from, maxSteps, scheduler, others: others ? 'run' : 'hold' },
      (step) => printer.add(step),
    );
    const finish = () => {
      printer.finish();
      if (session.steps === 0) {
        const where = request.from === undefined ? '' : ` at ${request.from}`;
        writeLines([`task ${task} was never met${where}: nothing was stepped`]);
      }
      return { task, policy: request.policy, steps: session.steps };
    };
    return { session, finish };
  };
}
