import { type Step, stepToString } from '../../kernel-model/rseq/script.ts';

/** What a case is one of many for. */
export interface Triple {
  /** What the kernel finds: the class of the descriptor, or of the calls. */
  readonly subject: string;
  readonly cause: string;
  /** Where the task is when that happens. */
  readonly position: string;
}

/** A script that a kernel and the model must answer alike. */
export interface JudgeCase extends Triple {
  readonly steps: readonly Step[];
}

export function tripleOf({ subject, cause, position }: Triple): string {
  return `${subject} / ${cause} / ${position}`;
}

/** The whole of what is asked, as text. */
export function questionOf({ steps }: JudgeCase): string {
  return steps.map(stepToString).join('\n');
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
