import type { Outcome } from '../machine/outcome.ts';
import type { Finding } from './finding.ts';

/** How a run ends that did what it was to do but for these findings; warnings do not count. */
export function outcomeOfFindings(findings: readonly Finding[]): Outcome | undefined {
  const first = findings.find(({ severity }) => severity === 'error');
  if (first === undefined) return undefined;
  return { kind: 'finding', rule: first.rule, task: first.task ?? 0, address: first.address };
}
