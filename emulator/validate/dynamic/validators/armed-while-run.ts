import type { Attempt } from '../state.ts';
import type { ValidatedRun, Validator, WatchedStore } from '../validator.ts';

/**
 * R17 and R18, seen where they do harm: at a store by an instruction of a section. The task must have
 * come through the section's first instruction, and must have it armed.
 */
export const ARMED_WHILE_RUN: Validator = {
  rules: ['R17', 'R18'],
  onStore(run, store) {
    const { task, section } = store;
    if (section === undefined || task.rseq === undefined) return;
    const attempt = run.state.attempts[task.id];
    if (attempt === undefined || !overlap(attempt.section.region, section.region)) {
      report(run, store, 'R17', 'the section was not entered at its first instruction');
    } else if (store.armed === undefined) {
      report(run, store, 'R18', howUnarmed(attempt));
    }
  },
};

function overlap(
  a: { readonly start: number; readonly end: number },
  b: { readonly start: number; readonly end: number },
): boolean {
  return a.start < b.end && b.start < a.end;
}

function howUnarmed({ armed, hasLeft }: Attempt): string {
  if (armed === undefined) return 'nothing, or another section, was armed when the section began';
  return hasLeft
    ? 'the section was left and resumed, and rseq_cs was cleared in between'
    : 'rseq_cs was cleared or replaced inside the section';
}

function report(
  run: ValidatedRun,
  { task, section, instruction, retired }: WatchedStore,
  rule: 'R17' | 'R18',
  why: string,
): void {
  const where = run.describe(task.id, instruction);
  run.report({
    rule,
    task: task.id,
    section: section?.region,
    address: instruction,
    message: () => `task ${task.id} stores at ${where} without protection: ${why}`,
    retired,
  });
}
