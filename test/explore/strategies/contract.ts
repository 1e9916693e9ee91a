import { encodeCanonically } from '../../../emulator/machine/canonical.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { ScheduleView, Strategy } from '../../../emulator/machine/strategy.ts';
import { assert } from '../../../kernel-model/assert.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import { guest, runToEnd, type TestRun } from '../../machine/rig.ts';

/** Makes a strategy for one run of a program. */
export type StrategyMaker = (machine: Machine, run: TestRun) => Strategy;

const RUNS: readonly TestRun[] = [
  { program: guest('counter.bin', '3', '5'), tick: 20 },
  { program: guest('migrate.bin', '3', '3'), tick: 20, vcpus: 3 },
  { program: guest('list.bin', '2', '3'), tick: 20, vcpus: 1 },
];

/** Looks over a strategy's shoulder: each of its calls is checked. */
class Watched implements Strategy {
  readonly #strategy: Strategy;
  readonly #onCall: (state: string, after: () => string) => void;

  constructor(strategy: Strategy, onCall: (state: string, after: () => string) => void) {
    this.#strategy = strategy;
    this.#onCall = onCall;
  }

  next(view: ScheduleView): Decision {
    const before = textOf(view);
    const decision = this.#strategy.next(view);
    this.#onCall(before, () => textOf(view));
    return decision;
  }

  choose(point: ChoicePoint): number {
    const before = JSON.stringify(point);
    const index = this.#strategy.choose(point);
    this.#onCall(before, () => JSON.stringify(point));
    return index;
  }
}

function textOf({ state }: ScheduleView): string {
  return new TextDecoder().decode(encodeCanonically(state));
}

/** Each rule of Strategy, by name: asserts that one keeps it. */
export const STRATEGY_CONTRACT: Readonly<
  Record<string, (machine: Machine, make: StrategyMaker) => void>
> = {
  'decides only what can be carried out, until the program ends': (machine, make) => {
    for (const run of RUNS) {
      const { outcome } = runToEnd(machine, { ...run, strategy: make(machine, run) });
      assert(
        outcome?.kind === 'exit' && outcome.status === 0,
        `it ends: ${JSON.stringify(outcome)}`,
      );
    }
  },

  'changes nothing that it looks at': (machine, make) => {
    for (const run of RUNS) {
      const strategy = new Watched(make(machine, run), (before, after) => {
        assert(before === after(), 'the state is as it was');
      });
      runToEnd(machine, { ...run, strategy });
    }
  },

  'decides the same in the same situation': (machine, make) => {
    for (const run of RUNS) {
      const [first, second] = [1, 2].map(() => {
        const { decisions } = runToEnd(machine, { ...run, strategy: make(machine, run) });
        return JSON.stringify(decisions);
      });
      assert(first === second, 'two runs are the same');
    }
  },
};
