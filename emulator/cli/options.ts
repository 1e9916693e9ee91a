import { SIGNAL_MAX, signalNumber } from '../../kernel-model/abi/signal.ts';
import { assertNever } from '../../kernel-model/assert.ts';
import { PROFILE_NAMES } from '../../kernel-model/rseq/registry.ts';
import { resolveKernel } from '../../kernel-model/rseq/resolve.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { UserError } from '../errors.ts';
import type { InjectedSignal } from '../explore/strategies/default.ts';
import { RULE_IDS, RULES, type RuleId } from '../validate/rules/registry.ts';
import { writeLines } from './output.ts';

/** Options that every verb with a run has. */
export const OUTPUT_OPTIONS = {
  json: {
    type: 'string',
    requiresArg: true,
    describe: 'write the outcome as JSON (- is standard output; the guest then writes to stderr)',
  },
  quiet: { type: 'boolean', default: false, describe: 'no summary' },
  offline: { type: 'boolean', default: false, describe: 'fetch nothing' },
  symbols: { type: 'string', requiresArg: true, describe: 'ELF file that brings the symbols' },
} as const;

/** Options of the default scheduler and of the machine. */
export const RUN_OPTIONS = {
  cpus: { type: 'string', requiresArg: true, default: '2', describe: 'vCPUs, 1 to 64' },
  kernel: {
    type: 'string',
    requiresArg: true,
    default: 'linux-6.18',
    describe: 'kernel: a profile or a version',
  },
  seed: { type: 'string', requiresArg: true, default: '1', describe: 'seed of all randomness' },
  tick: {
    type: 'string',
    requiresArg: true,
    default: '200',
    describe: 'mean slice, in instructions',
  },
  'max-instructions': {
    type: 'string',
    requiresArg: true,
    default: '100000000',
    describe: 'end the run after so many instructions',
  },
  'max-memory': {
    type: 'string',
    requiresArg: true,
    default: '1024',
    describe: 'MiB of guest memory that may be touched',
  },
  escalate: {
    type: 'boolean',
    default: true,
    describe: 'double the slice of a task that keeps being aborted; --no-escalate: never',
  },
  env: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: "NAME=VALUE for the guest's environment; may be repeated",
  },
  signal: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'SIGNAL[@TASK] to send now and then, by name or number; may be repeated',
  },
  strace: { type: 'boolean', default: false, describe: 'print system calls on stderr' },
} as const;

/** A whole number in a range from an option's text. */
export function parseInteger(option: string, text: string, low: number, high: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) {
    throw new UserError(
      'usage',
      `--${option} takes a whole number from ${low} to ${high}, not ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** The profile that `--kernel` names; one line on stderr where another kernel stands in for it. */
export function parseKernel(name: string): KernelProfile {
  const found = resolveKernel(name);
  const refuse = (why: string) =>
    new UserError('usage', `--kernel ${JSON.stringify(name)}: ${why}`);
  switch (found.kind) {
    case 'found':
      return found.profile;
    case 'newer':
      writeLines([`--kernel ${name} is newer than what is modelled: ${found.profile.name} it is`]);
      return found.profile;
    case 'older': {
      const proposals = PROFILE_NAMES.filter((each) => !/^(linux|broken)-/.test(each));
      const before =
        proposals.length > 0 ? `; what was proposed before: ${proposals.join(', ')}` : '';
      throw refuse(`rseq came with Linux 4.18 (${found.oldest.name})${before}`);
    }
    case 'no-option':
      throw refuse(
        found.options.length > 0
          ? `${found.profile.name} has the options ${found.options.map((each) => `+${each}`).join(', ')}`
          : `${found.profile.name} has no options`,
      );
    case 'unknown':
      throw refuse(`there is ${PROFILE_NAMES.join(', ')}, or any version from 4.18 on`);
    default:
      return assertNever(found);
  }
}

/** A rule by its id or its name. */
export function parseRule(text: string): RuleId {
  const id = RULE_IDS.find((each) => each === text.toUpperCase() || RULES[each].name === text);
  if (id === undefined) {
    throw new UserError('usage', `there is no rule ${JSON.stringify(text)}; \`rules\` lists them`);
  }
  return id;
}

/** Signals as `--signal` names them: `USR1`, `SIGUSR1`, `10`, `USR1@2`. */
export function parseSignals(words: readonly string[]): InjectedSignal[] {
  return words.map((word) => {
    const [, name = '', task] = /^([A-Z0-9]+)(?:@([1-9]\d{0,8}))?$/.exec(word) ?? [];
    const signal = /^\d{1,2}$/.test(name) ? Number(name) : signalNumber(name);
    if (signal === undefined || signal < 1 || signal > SIGNAL_MAX) {
      const what = JSON.stringify(word);
      throw new UserError('usage', `--signal takes a signal such as USR1 or USR1@2, not ${what}`);
    }
    return { signal, task: task === undefined ? undefined : Number(task) };
  });
}

/** `NAME=VALUE` settings of the guest's environment. */
export function parseEnvironment(settings: readonly string[]): string[] {
  for (const setting of settings) {
    if (!/^[^=]+=/.test(setting)) {
      throw new UserError('usage', `--env takes NAME=VALUE, not ${JSON.stringify(setting)}`);
    }
  }
  return [...settings];
}
