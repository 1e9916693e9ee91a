import { assert } from '../../../kernel-model/assert.ts';
import type { ObjectImage } from '../../loader/object/object-image.ts';
import type { Finding, FindingSection } from '../finding.ts';
import { RULE_IDS, RULES, type RuleId } from '../rules/registry.ts';
import type { Rule } from '../rules/rule.ts';
import { CheckedProgram, type CheckSettings } from './checked-program.ts';
import type { Problem } from './checks/check.ts';
import { STATIC_CHECKS } from './checks/registry.ts';
import type { CriticalSection } from './critical-section.ts';

/** What was found in one file. */
export interface CheckResult {
  readonly program: CheckedProgram;
  /** By section, then by rule. */
  readonly findings: readonly Finding[];
}

/**
 * Checks every section of a file by every rule that applies to it.
 * @param checks the static side of each rule; tests put in wrong ones.
 */
export function checkImage(
  image: ObjectImage,
  settings: CheckSettings,
  checks: typeof STATIC_CHECKS = STATIC_CHECKS,
): CheckResult {
  const program = new CheckedProgram(image, settings);
  const rules = RULE_IDS.filter((id) => applies(RULES[id], program));
  const tables = program.found.problems
    .filter(({ rule }) => rules.includes(rule))
    .map(({ rule, ...problem }) => toFinding(program, rule, problem));
  const sections = program.sections.flatMap((section) =>
    rules.flatMap((rule) => {
      const problems = checks[rule]?.(section, program) ?? [];
      return [...problems].map((problem) => toFinding(program, rule, problem, section));
    }),
  );
  return { program, findings: [...tables, ...sections] };
}

/** Whether a rule says something of files of this kind under this kernel. */
function applies({ families, images, severity }: Rule, program: CheckedProgram): boolean {
  return (
    severity.static !== undefined &&
    families.includes(program.family) &&
    images.includes(program.image.kind)
  );
}

function toFinding(
  program: CheckedProgram,
  rule: RuleId,
  { address, message, severity }: Problem,
  section?: CriticalSection,
): Finding {
  const { symbols } = program.image;
  const usual = RULES[rule].severity.static;
  assert(usual !== undefined, `${rule} has a static side`);
  return {
    rule,
    severity: severity ?? usual,
    ...(section !== undefined && { section: describeSection(program, section) }),
    address,
    symbol: symbols.format(address),
    message,
  };
}

function describeSection(
  { image }: CheckedProgram,
  { descriptor, start, end, abort }: CriticalSection,
): FindingSection {
  const known = Number.isFinite(start);
  return {
    descriptor,
    start: known ? start : 0,
    end: Number.isFinite(end) ? end : 0,
    ...(Number.isFinite(abort) && { abort }),
    name: image.symbols.format(known ? start : descriptor),
  };
}
