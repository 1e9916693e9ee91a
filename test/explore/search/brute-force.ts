import type { TraceEvent } from '../../../emulator/explore/search/dependence.ts';
import type { EventMachine } from '../../../emulator/explore/search/event-machine.ts';
import { nextAnswers } from '../../../emulator/explore/search/strategies/dpor.ts';
import { type Dependence, TraceOrder } from '../../../emulator/explore/search/trace-order.ts';

/** What trying everything came to. */
export interface BruteForce {
  readonly runs: number;
  /** Canonical forms of the runs. */
  readonly classes: ReadonlySet<string>;
  /** How the runs ended, as the caller names it. */
  readonly endings: ReadonlyMap<string, number>;
}

/** Tries every order of events whatsoever, without any reduction. */
export function bruteForce(
  machine: EventMachine,
  ending: () => string,
  dependence?: Dependence,
): BruteForce {
  const classes = new Set<string>();
  const endings = new Map<string, number>();
  const path: TraceEvent[] = [];
  let runs = 0;
  const explore = (): void => {
    const enabled = machine.enabled();
    if (!enabled.some(({ kind }) => kind === 'step')) {
      machine.finish();
      runs++;
      const order = new TraceOrder(dependence);
      for (const event of path) order.push(event);
      classes.add(order.canonical);
      endings.set(ending(), (endings.get(ending()) ?? 0) + 1);
      return;
    }
    const position = machine.save();
    for (const actor of enabled) {
      for (let answers: readonly number[] | undefined = []; answers !== undefined; ) {
        machine.restore(position);
        const { event, choices } = machine.execute(actor, answers);
        path.push(event);
        explore();
        path.pop();
        answers = nextAnswers(answers, choices);
      }
    }
  };
  machine.start();
  explore();
  return { runs, classes, endings };
}
