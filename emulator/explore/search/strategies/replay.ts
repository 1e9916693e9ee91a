import { ReplayStrategy } from '../../strategies/replay.ts';
import type { Explorer } from '../explorer.ts';
import { countRun } from '../run-end.ts';
import type { Search, SearchStrategy } from '../search-strategy.ts';
import type { TallyCounter } from '../tally-counter.ts';
import type { SearchPlan } from '../unit.ts';

/**
 * Plays the one schedule of `bounds.schedule`, so that what a search says of a schedule can be had
 * for one that is known. A schedule that does not fit the program is cut as unsupported. Without
 * one, the plain run.
 */
export const REPLAY: SearchStrategy = {
  title: 'one given schedule',
  isComplete: false,
  grain: 'boundary',
  describeBound: () => 'one schedule',
  open: (explorer) => new ReplaySearch(explorer),
};

class ReplaySearch implements Search {
  readonly #explorer: Explorer;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  plan(): SearchPlan {
    return { units: [{ stage: 0, from: 0, to: 0 }], boundaries: [], leftOut: [] };
  }

  *explore(_unit: unknown, counter: TallyCounter): Generator<void, void> {
    const { machine, bounds, driver } = this.#startAnew();
    const strategy =
      bounds.schedule === undefined ? driver.strategy : new ReplayStrategy(bounds.schedule);
    while (machine.step(strategy) === undefined);
    const { outcome } = machine;
    if (outcome?.kind === 'diverged') {
      counter.schedules++;
      counter.cut('unsupported');
      counter.unsupported ??= outcome.detail;
    } else countRun(this.#explorer, counter);
    yield;
  }

  #startAnew(): Explorer {
    this.#explorer.start();
    return this.#explorer;
  }
}
