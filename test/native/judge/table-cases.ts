import fc from 'fast-check';
import { randomCase } from '../../kernel-model/rseq/random-case.ts';
import { REGISTRATION_SCRIPTS } from '../../kernel-model/rseq/registration-cases.ts';
import { toSteps } from '../../kernel-model/rseq/section-case.ts';
import { SECTION_CASES } from '../../kernel-model/rseq/section-cases.ts';
import type { JudgeCase } from './judge-case.ts';

/** The tables that docs/abi/linux-6.18.md shows, whose answers other tests hold the model to. */
export function tableCases(): JudgeCase[] {
  const sections = [...SECTION_CASES].flatMap(([group, cases]) =>
    cases.map((one): JudgeCase => {
      const position = one.effect === 'clear' ? 'outside' : 'inside or anywhere';
      return { subject: `table: ${group}`, cause: 'reschedule', position, steps: toSteps(one) };
    }),
  );
  const calls = REGISTRATION_SCRIPTS.map(([subject, script]): JudgeCase => {
    const steps = [{ kind: 'reset' } as const, ...script.map(([step]) => step)];
    return { subject: `table: ${subject}`, cause: 'rseq(2)', position: 'as in the table', steps };
  });
  return [{ ...RESET, subject: 'table' }, ...sections, ...calls];
}

/** Memory as the cases behind it expect it. */
const RESET: Omit<JudgeCase, 'subject'> = {
  cause: 'none',
  position: 'none',
  steps: [{ kind: 'reset' }],
};

/** Descriptors and positions that follow no plan. */
export function randomCases(count: number): JudgeCase[] {
  const cases = fc.sample(randomCase, { numRuns: count, seed: 1 });
  return [
    { ...RESET, subject: 'random' },
    ...cases.map((one): JudgeCase => {
      return { subject: 'random', cause: 'reschedule', position: 'any', steps: toSteps(one) };
    }),
  ];
}
