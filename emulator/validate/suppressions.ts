import * as v from 'valibot';
import { UserError } from '../errors.ts';
import { describeIssue } from '../schema-issue.ts';
import type { Finding } from './finding.ts';
import { RULE_IDS, type RuleId } from './rules/registry.ts';

/** The file that is looked for where the command runs. */
export const CONFIG_NAME = '.rseq-check.json';

/** A finding that somebody has looked at and found to be all right. */
export interface Suppression {
  readonly rule: RuleId;
  /** A function, as findings name it without the offset. */
  readonly symbol?: string | undefined;
  /** A section, as findings name it. */
  readonly section?: string | undefined;
  readonly reason: string;
}

const text = v.pipe(v.string(), v.trim(), v.nonEmpty());
const CONFIG = v.strictObject({
  suppressions: v.array(
    v.pipe(
      v.strictObject({
        rule: v.picklist(RULE_IDS),
        symbol: v.optional(text),
        section: v.optional(text),
        reason: text,
      }),
      v.check(
        ({ symbol, section }) => symbol !== undefined || section !== undefined,
        'it needs a symbol or a section',
      ),
    ),
  ),
});

/**
 * Reads a file of suppressions: `{"suppressions": [{"rule", "symbol" and/or "section", "reason"}]}`.
 * @throws UserError `config-malformed`, one line that says where.
 */
export function parseSuppressions(path: string, json: string): readonly Suppression[] {
  const refuse = (why: string) => new UserError('config-malformed', `${path}: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refuse('not JSON');
  }
  const parsed = v.safeParse(CONFIG, value);
  if (parsed.success) return parsed.output.suppressions;
  const [issue] = parsed.issues;
  throw refuse(describeIssue(issue));
}

/** Findings apart from those that were justified, and the suppressions that met none. */
export interface Sorted<F extends Finding> {
  readonly findings: readonly F[];
  readonly suppressed: readonly { readonly finding: F; readonly reason: string }[];
  readonly unused: readonly Suppression[];
}

/** Takes out the findings that a suppression covers. */
export function applySuppressions<F extends Finding>(
  findings: readonly F[],
  suppressions: readonly Suppression[],
): Sorted<F> {
  const used = new Set<Suppression>();
  const open: F[] = [];
  const suppressed: { finding: F; reason: string }[] = [];
  for (const finding of findings) {
    const suppression = suppressions.find((each) => covers(each, finding));
    if (suppression === undefined) {
      open.push(finding);
    } else {
      used.add(suppression);
      suppressed.push({ finding, reason: suppression.reason });
    }
  }
  return { findings: open, suppressed, unused: suppressions.filter((each) => !used.has(each)) };
}

function covers({ rule, symbol, section }: Suppression, finding: Finding): boolean {
  return (
    rule === finding.rule &&
    (symbol === undefined || isNamed(symbol, finding.symbol)) &&
    (section === undefined ||
      (finding.section !== undefined && isNamed(section, finding.section.name)))
  );
}

/** `push` covers all of `push`, `push+0x1c` that place alone. */
function isNamed(wanted: string, name: string): boolean {
  return name === wanted || name.replace(/\+0x[0-9a-f]+$/, '') === wanted;
}

/** A suppression as messages show it. */
export function describeSuppression({ rule, symbol, section }: Suppression): string {
  const where = [symbol && `symbol ${symbol}`, section && `section ${section}`].filter(Boolean);
  return `${rule} for ${where.join(', ')}`;
}
