import { assert } from '../../../kernel-model/assert.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import type { Strategy } from '../../machine/strategy.ts';
import type { FindingPosition } from '../../validate/finding.ts';
import { answerTo } from './replay.ts';

/** Plays a recorded list of decisions, and pauses at places in it: before some of its instructions. */
export class HeldStrategy implements Strategy {
  readonly #decisions: readonly Decision[];
  #next = 0;
  /** How many instructions of the next decision were run, and how many choices came up in them. */
  #begun = { instructions: 0, choices: 0 };
  #hold: FindingPosition | undefined;

  constructor(decisions: readonly Decision[]) {
    this.#decisions = decisions;
  }

  /** Where an instruction is that is executed there as the last of so many of its decision. */
  holdBefore({ decision, instructions }: FindingPosition): void {
    this.#hold = { decision, instructions: instructions - 1 };
  }

  /** Whether that place has been reached, once the decision given last is carried out. */
  get isHeld(): boolean {
    const { decision, instructions } = this.#hold ?? {};
    return this.#next === decision && this.#begun.instructions === instructions;
  }

  next(): Decision {
    const decision = this.#decisions[this.#next];
    assert(decision !== undefined, 'it is held before its end');
    const { instructions: done, choices } = this.#begun;
    if (decision.kind === 'run' && this.#next === this.#hold?.decision) {
      const { instructions } = this.#hold;
      if (instructions > done) {
        this.#begun = { instructions, choices };
        return { ...decision, instructions: instructions - done };
      }
    }
    // Choices are recorded after the decision in which they come up.
    this.#next += 1 + choices;
    this.#begun = { instructions: 0, choices: 0 };
    if (decision.kind !== 'run') return decision;
    return { ...decision, instructions: decision.instructions - done };
  }

  choose(point: ChoicePoint): number {
    const { instructions, choices } = this.#begun;
    const decision = this.#decisions[this.#next + (instructions > 0 ? 1 + choices : 0)];
    if (instructions > 0) this.#begun = { instructions, choices: choices + 1 };
    else this.#next++;
    const index = decision === undefined ? -1 : answerTo(point, decision);
    assert(index >= 0, 'the same question comes up at the same place');
    return index;
  }
}
