import type { Decision } from '../../kernel-model/sched/decision.ts';

/** A decision with those before it: a list that snapshots share, whichever of them the machine goes back to. */
export interface RecordedDecision {
  readonly decision: Decision;
  readonly before: RecordedDecision | undefined;
}

/** The `count` decisions up to `last`, in order. */
export function decisionsUpTo(last: RecordedDecision | undefined, count: number): Decision[] {
  const decisions: Decision[] = new Array(count);
  let recorded = last;
  for (let index = count - 1; recorded !== undefined; index--) {
    decisions[index] = recorded.decision;
    recorded = recorded.before;
  }
  return decisions;
}
