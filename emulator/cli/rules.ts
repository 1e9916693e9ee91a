import { formatRule, formatRules, formatRulesDocument, toRulesJson } from '../report/rules.ts';
import { RULES } from '../validate/rules/registry.ts';
import { OUTPUT_OPTIONS, parseRule } from './options.ts';
import { checkOutputs, writeFileOrStdout } from './output.ts';
import type { Verb } from './verb.ts';

/** `rules`: the catalogue of rules, static and dynamic. */
export const rulesVerb: Verb = {
  describe: 'list the rules that sections are checked by',
  positionals: '[rule]',
  configure: (parser) =>
    parser
      .positional('rule', { type: 'string', describe: 'only this one, with its rationale' })
      .options({
        json: { ...OUTPUT_OPTIONS.json, describe: 'write the rules as JSON (- is stdout)' },
        markdown: { type: 'string', requiresArg: true, describe: 'write them as a document' },
      })
      .example('$0 R7', 'what R7 is about, and why')
      .example('$0 --markdown docs/rules.md', 'write the page of the documentation again'),
  prepare: (argv) => {
    const path = (name: string) => (argv[name] === undefined ? undefined : String(argv[name]));
    const [json, markdown] = [path('json'), path('markdown')];
    const rule = argv.rule === undefined ? undefined : parseRule(String(argv.rule));
    return async () => {
      checkOutputs({ json, markdown });
      if (json !== undefined)
        writeFileOrStdout(json, `${JSON.stringify(toRulesJson(), null, 2)}\n`);
      if (markdown !== undefined) writeFileOrStdout(markdown, formatRulesDocument());
      if (json === undefined && markdown === undefined) {
        process.stdout.write(rule === undefined ? formatRules() : formatRule(RULES[rule]));
      }
      return 0;
    };
  },
};
