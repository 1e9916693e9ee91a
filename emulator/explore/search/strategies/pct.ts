import { Draws, unitsOfRuns } from '../draws.ts';
import type { Explorer } from '../explorer.ts';
import { PctRun, type PctScale } from '../pct-run.ts';
import { PlainRun } from '../plain-run.ts';
import type { Search, SearchStrategy } from '../search-strategy.ts';
import { TallyCounter } from '../tally-counter.ts';
import type { DrawGuarantee, SearchPlan, WorkUnit } from '../unit.ts';

/** Runs, besides the plain one, that show how many tasks and boundaries a run has. */
const PILOT_RUNS = 8;

/**
 * Probabilistic concurrency testing as in the paper (Burckhardt, Kothari, Musuvathi and
 * Nagarakatte, ASPLOS 2010; exploration.md 2.6), over boundaries as steps: tasks have random
 * distinct priorities, the one with the highest runs, and at `bounds.depth` - 1 steps who runs
 * falls below all others, before it takes the step. The variant: what happens there is drawn from
 * the kinds of interruption too, which divides the bound by their number; a task that seems to spin
 * ends that run's priorities, and anybody runs from then on.
 */
export const PCT: SearchStrategy = {
  title: 'random priorities that change at random steps, with a bound on the chance to miss a bug',
  isComplete: false,
  grain: 'boundary',
  describeBound: ({ runs }) => `${runs} schedules that are drawn`,
  open: (explorer) => new PctSearch(explorer),
};

class PctSearch implements Search {
  readonly #explorer: Explorer;
  #known: PctScale | undefined;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  plan(): SearchPlan {
    const { lesson, bounds } = this.#explorer;
    return {
      units: unitsOfRuns(bounds.runs),
      boundaries: lesson.map.boundaries,
      leftOut: lesson.leftOut,
      guarantee: guaranteeOf(this.#scale, bounds.depth),
    };
  }

  /** The most that the plain run and the pilot runs had of each, so that all units take the same. */
  get #scale(): PctScale {
    if (this.#known !== undefined) return this.#known;
    const explorer = this.#explorer;
    const plain = new PlainRun(explorer);
    let scale: PctScale = { tasks: plain.tasks, steps: plain.boundaries, actions: 1 };
    for (let pilot = 1; pilot <= PILOT_RUNS; pilot++) {
      const run = new PctRun(explorer, scale, new Draws(explorer.bounds.seed, -pilot - 1));
      run.play(new TallyCounter());
      scale = {
        tasks: Math.max(scale.tasks, run.tasks),
        steps: Math.max(scale.steps, run.isFair ? 0 : run.steps),
        actions: Math.max(scale.actions, run.actions),
      };
    }
    this.#known = scale;
    return scale;
  }

  *explore(unit: WorkUnit, counter: TallyCounter): Generator<void, void> {
    const scale = this.#scale;
    const { seed } = this.#explorer.bounds;
    for (let run = unit.from; run <= unit.to; run++) {
      new PctRun(this.#explorer, scale, new Draws(seed, run)).play(counter);
      yield;
      if (counter.failure !== undefined) return;
    }
  }
}

/** P >= 1 / (n (k |A|)^(d-1)): the paper's bound, with |A| kinds of what a change point does. */
export function guaranteeOf({ tasks, steps, actions }: PctScale, depth: number): DrawGuarantee {
  const probability = 1 / (tasks * (Math.max(1, steps) * actions) ** (depth - 1));
  return { probability, depth, tasks, steps, actions };
}
