import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import { decisionToString } from '../../machine/decisions.ts';
import { ScheduleDivergence, type Strategy } from '../../machine/strategy.ts';

/** Plays a recorded list of decisions, and insists that each one fits. */
export class ReplayStrategy implements Strategy {
  readonly #decisions: readonly Decision[];
  #position = 0;

  constructor(decisions: readonly Decision[]) {
    this.#decisions = decisions;
  }

  /** Decisions played so far. */
  get position(): number {
    return this.#position;
  }

  next(): Decision {
    const decision = this.#decisions[this.#position];
    if (decision === undefined) {
      throw new ScheduleDivergence(`the schedule ends after ${this.#position} decisions`);
    }
    this.#position++;
    return decision;
  }

  choose(point: ChoicePoint): number {
    const decision = this.next();
    const index = answerTo(point, decision);
    if (index < 0) {
      throw new ScheduleDivergence(
        `decision ${decisionToString(decision)} does not answer the question ${point.kind}`,
      );
    }
    return index;
  }
}

/** Which candidate of a question the recorded decision chose; -1 if it answers another question. */
export function answerTo(point: ChoicePoint, decision: Decision): number {
  if (decision.kind === 'wake' && point.kind === 'wake') {
    return point.candidates.indexOf(decision.task);
  }
  if (decision.kind === 'place' && point.kind === 'place' && decision.task === point.task) {
    return point.candidates.indexOf(decision.vcpu);
  }
  return -1;
}
