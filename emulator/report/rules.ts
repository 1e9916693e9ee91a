import { RULES } from '../validate/rules/registry.ts';
import { ALL_FAMILIES, checkedBy, IMAGE_KINDS, type Rule } from '../validate/rules/rule.ts';

const RULES_SCHEMA = { name: 'rseq-testbed/rules', version: 1 } as const;

const CATALOGUE: readonly Rule[] = Object.values<Rule>(RULES);

/** The catalogue for programs. */
export function toRulesJson() {
  const rules = CATALOGUE.map((rule) => ({ ...rule, checked: checkedBy(rule) }));
  return { schema: RULES_SCHEMA, rules };
}

/** The catalogue on a terminal: what has to be so, how it is checked, how to mend it. */
export function formatRules(): string {
  const blocks = CATALOGUE.map((rule) =>
    [
      `${rule.id} ${rule.name} (${describeChecks(rule)}): ${rule.title}`,
      `  fix: ${rule.fix}`,
      '',
    ].join('\n'),
  );
  return blocks.join('\n');
}

const INTRODUCTION = `# Rules

What restartable sections have to keep to, why, and how to mend code that does not. \`check FILE\` looks
for violations in the machine code of a binary (static), runs look for them in what happens (dynamic).
An error breaks a guarantee; a warning is a risk, or trouble for tools.

This page is written by \`npm run rules -- --markdown docs/rules.md\` from \`emulator/validate/rules/\`.
`;

/** The catalogue as docs/rules.md. */
export function formatRulesDocument(): string {
  return [INTRODUCTION, ...CATALOGUE.map(formatRule)].join('\n');
}

/** One rule in full. */
export function formatRule(rule: Rule): string {
  const { id, name, title, rationale, fix, enforcedBy, accepted, families, images } = rule;
  const limits = [
    ...(families.length < ALL_FAMILIES.length ? [`ABIs: ${families.join(', ')}`] : []),
    ...(images.length < IMAGE_KINDS.length ? [`files: ${images.join(', ')}`] : []),
  ];
  return [
    `## ${id} ${name}`,
    '',
    `**${title}.** (${describeChecks(rule)})`,
    '',
    rationale,
    '',
    `- To fix it: ${fix}`,
    ...(accepted === undefined ? [] : [`- Accepted: ${accepted}`]),
    ...(enforcedBy === undefined ? [] : [`- Enforced by: ${enforcedBy}.`]),
    ...(limits.length === 0 ? [] : [`- Applies to ${limits.join('; ')}.`]),
    '',
  ].join('\n');
}

/** `static: error, dynamic: warning`. */
function describeChecks({ severity }: Rule): string {
  return Object.entries(severity)
    .map(([check, level]) => `${check}: ${level}`)
    .join(', ');
}
