import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { loadProgram } from '../loader/load.ts';
import {
  type ConfirmingSearch,
  formatConfirmations,
  reportConfirmations,
} from '../report/check/confirm.ts';
import { toCheckJson } from '../report/check/json.ts';
import { toSarif } from '../report/check/sarif.ts';
import { formatCheck } from '../report/check/text.ts';
import { RULES, type RuleId } from '../validate/rules/registry.ts';
import { checkedBy } from '../validate/rules/rule.ts';
import { type CheckOutcome, checkFiles } from '../validate/static/check-files.ts';
import { SYNTAXES, type Syntax } from '../validate/static/disassembly.ts';
import { CONFIG_NAME, parseSuppressions, type Suppression } from '../validate/suppressions.ts';
import { CONFIRM_OPTIONS, confirmFindings, readConfirmOptions } from './check-confirm.ts';
import { parseKernel, parseRule, RUN_OPTIONS } from './options.ts';
import type { Verb } from './verb.ts';

type Format = 'text' | 'json' | 'sarif';

const NOTHING = 'nothing to confirm';

type Formatter = (
  outcome: CheckOutcome,
  syntax: Syntax,
  search: ConfirmingSearch | typeof NOTHING | undefined,
) => string;

const FORMATS: Readonly<Record<Format, Formatter>> = {
  text: (outcome, syntax, search) => {
    const report = formatCheck(outcome, syntax);
    if (search === undefined) return report;
    const end = search === NOTHING ? 'no finding to confirm\n' : formatConfirmations(search);
    return `${report}\n${end}`;
  },
  json: (outcome, _, search) => {
    const found = search !== undefined && search !== NOTHING;
    const confirmations = found && { confirmations: reportConfirmations(search) };
    return `${JSON.stringify({ ...toCheckJson(outcome), ...confirmations }, null, 2)}\n`;
  },
  sarif: (outcome) => `${JSON.stringify(toSarif(outcome), null, 2)}\n`,
};

const builder = {
  format: { choices: ['text', 'json', 'sarif'], default: 'text', describe: 'how to report' },
  syntax: { choices: ['att', 'intel'], default: 'att', describe: 'how to write disassembly' },
  rule: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'only this rule (R7, or arming-store; several with commas); may be repeated',
  },
  ignore: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'not this rule; may be repeated',
  },
  strict: { type: 'boolean', default: false, describe: 'warnings end with status 1, too' },
  kernel: RUN_OPTIONS.kernel,
  signature: {
    type: 'string',
    requiresArg: true,
    describe: 'what the program registers before abort handlers (found out if left out)',
  },
  config: {
    type: 'string',
    requiresArg: true,
    describe: `file of justified suppressions (${CONFIG_NAME} if there is one)`,
  },
  ...CONFIRM_OPTIONS,
} as const;

/** `check FILE...`: the static rules over every section of binaries. */
export const checkVerb: Verb = {
  describe: 'check the restartable sections of binaries by the static rules',
  positionals: '<file..>',
  lists: ['file', 'rule', 'ignore'],
  configure: (parser) =>
    parser
      .positional('file', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'ELF64 programs, libraries and objects (.o), or flat images (.bin)',
      })
      .options(builder)
      .example('$0 guest/counter.elf', 'every rule')
      .example('$0 build/*.o --syntax intel --strict', 'objects before they are linked')
      .example('$0 libfoo.so --rule R7,R10 --format json', 'two rules, for a script')
      .example('$0 guest/bugs/s4-no-rearm.bin --confirm --cpus 1', 'and run it to see them happen')
      .example('$0 app --format sarif > check.sarif', 'for code scanning'),
  prepare: (argv) => {
    const { files, format, syntax, strict, ...options } = readOptions(argv);
    const confirm = readConfirmOptions(argv);
    return async () => {
      const [file = ''] = files;
      const program = confirm && loadProgram(file);
      const outcome = await checkFiles(files, options);
      const { findings } = outcome;
      const search =
        confirm && program && ((await confirmFindings(program, findings, confirm)) ?? NOTHING);
      process.stdout.write(FORMATS[format](outcome, syntax, search));
      return statusOf(outcome, strict);
    };
  },
};

function statusOf({ findings, unusedSuppressions }: CheckOutcome, strict: boolean): 0 | 1 {
  const counts = findings.filter(({ severity }) => strict || severity === 'error').length;
  return counts + (strict ? unusedSuppressions.length : 0) > 0 ? 1 : 0;
}

function readOptions(argv: Readonly<Record<string, unknown>>) {
  const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  const only = parseRules('rule', list(argv.rule));
  const ignored = parseRules('ignore', list(argv.ignore));
  return {
    files: list(argv.file),
    format: oneOf<Format>(FORMATS, argv.format, 'text'),
    syntax: oneOf<Syntax>(SYNTAXES, argv.syntax, 'att'),
    strict: argv.strict === true,
    kernel: parseKernel(String(argv.kernel)),
    signature: argv.signature === undefined ? undefined : parseSignature(String(argv.signature)),
    wants: (id: RuleId) => (only.length === 0 || only.includes(id)) && !ignored.includes(id),
    suppressions: readSuppressions(argv.config === undefined ? undefined : String(argv.config)),
  };
}

function oneOf<K extends string>(table: Readonly<Record<K, unknown>>, value: unknown, usual: K): K {
  return Object.keys(table).includes(String(value)) ? (String(value) as K) : usual;
}

function parseRules(option: string, words: readonly string[]): readonly RuleId[] {
  return words
    .flatMap((word) => word.split(','))
    .map((word) => {
      const id = parseRule(word);
      if (checkedBy(RULES[id]) === 'dynamic') {
        throw new UserError('usage', `--${option} ${id}: it is not checked in binaries`);
      }
      return id;
    });
}

const U32_MAX = 0xffff_ffff;

function parseSignature(text: string): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= U32_MAX)) {
    throw new UserError('usage', `--signature takes a 32-bit number, not ${JSON.stringify(text)}`);
  }
  return value;
}

function readSuppressions(path: string | undefined): readonly Suppression[] {
  if (path === undefined && !existsSync(CONFIG_NAME)) return [];
  const file = path ?? CONFIG_NAME;
  let json: string;
  try {
    json = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError('config-unreadable', `cannot read ${file}: ${code}`);
  }
  return parseSuppressions(file, json);
}
