import { createHash } from 'node:crypto';
import type { Step } from '../../kernel-model/rseq/script.ts';
import { stepToString } from '../../kernel-model/rseq/script.ts';

/** A script that a kernel and the model must answer alike, and what it is one of many for. */
export interface JudgeCase {
  /** What the kernel finds: the class of the descriptor, or of the calls. */
  readonly subject: string;
  readonly cause: string;
  /** Where the task is when that happens. */
  readonly position: string;
  readonly steps: readonly Step[];
}

export function tripleOf({ subject, cause, position }: JudgeCase): string {
  return `${subject} / ${cause} / ${position}`;
}

/** Tells a case of one version of the generators from another's. */
export function digestOf({ steps }: JudgeCase): string {
  return createHash('sha256').update(steps.map(stepToString).join('\n')).digest('hex').slice(0, 8);
}

/** The steps of many cases, with a mark after each. */
export function stepsOf(cases: readonly JudgeCase[]): Step[] {
  return cases.flatMap(({ steps }): Step[] => [...steps, { kind: 'next' }]);
}

/** What each case answered, its lines joined; from what `stepsOf` printed. */
export function answersOf(lines: readonly string[]): string[] {
  const answers: string[] = [];
  let answer: string[] = [];
  for (const line of lines) {
    if (line !== '--') {
      answer.push(line);
      continue;
    }
    answers.push(answer.join('; '));
    answer = [];
  }
  return answers;
}
