import { Draws, unitsOfRuns } from '../draws.ts';
import type { Explorer, Point } from '../explorer.ts';
import { COMPLETION, type Until } from '../interruption.ts';
import type { Move } from '../moves.ts';
import { PlainRun, SpinGuard } from '../plain-run.ts';
import { countRun } from '../run-end.ts';
import { advance } from '../scheduling-points.ts';
import type { Search, SearchStrategy } from '../search-strategy.ts';
import type { TallyCounter } from '../tally-counter.ts';
import type { SearchPlan, WorkUnit } from '../unit.ts';

/** Whoever interrupts stops at one of its first so many boundaries, if it is to stop. */
const STOP_BOUNDARIES_MAX = 16;
/** It goes on by itself after so many instructions without. */
const EXCURSION_INSTRUCTIONS_MAX = 2000;

/**
 * Up to `bounds.preemptions` interruptions at boundaries drawn at random, each a random one of what can
 * happen there, `bounds.runs` times: a sample of what `exhaustive` tries.
 */
export const RANDOM: SearchStrategy = {
  title: 'a bounded number of interruptions at random boundaries',
  isComplete: false,
  grain: 'boundary',
  describeBound: ({ runs }) => `${runs} schedules that are drawn`,
  open: (explorer) => new RandomSearch(explorer),
};

class RandomSearch implements Search {
  readonly #explorer: Explorer;
  #plain: PlainRun | undefined;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  plan(): SearchPlan {
    const { lesson, bounds } = this.#explorer;
    const { boundaries } = lesson.map;
    return { units: unitsOfRuns(bounds.runs), boundaries, leftOut: lesson.leftOut };
  }

  *explore(unit: WorkUnit, counter: TallyCounter): Generator<void, void> {
    this.#plain ??= new PlainRun(this.#explorer);
    for (let run = unit.from; run <= unit.to; run++) {
      this.#run(run, this.#plain.boundaries, counter);
      yield;
      if (counter.failure !== undefined) return;
    }
  }

  #run(run: number, boundaries: number, counter: TallyCounter): void {
    const explorer = this.#explorer;
    const { bounds } = explorer;
    const draws = new Draws(bounds.seed, run);
    const count = bounds.preemptions === 0 ? 0 : draws.between(1, bounds.preemptions);
    const places = new Set(draws.distinct(count, boundaries));
    explorer.start();
    const guard = new SpinGuard(explorer);
    let index = 0;
    for (let point = explorer.here(); point !== undefined; point = explorer.here()) {
      if (guard.isEndless) {
        explorer.runOn(point);
        continue;
      }
      const mayInterrupt = index < boundaries;
      if (point.isBoundary && !mayInterrupt && guard.comesBack(explorer.key())) {
        counter.cut('spin');
        continue;
      }
      if (point.isBoundary && places.delete(++index)) {
        this.#interrupt(point, draws, counter);
        continue;
      }
      advance(explorer, point);
    }
    countRun(explorer, counter, guard.isEndless);
  }

  /** One thing that can happen to a task, followed to where whoever interrupts it stops. */
  #interrupt(point: Point, draws: Draws, counter: TallyCounter): void {
    const explorer = this.#explorer;
    const move = draws.oneOf(explorer.movesAt(point));
    if (move === undefined) return;
    const before = explorer.place(point, move.interruption(COMPLETION));
    const ordinal = explorer.made.length;
    explorer.make(move);
    const until = this.#excursion(point, move, draws);
    const placed = { ...before, interruption: move.interruption(until) };
    counter.cover(placed, ordinal);
    explorer.note(placed);
  }

  /** Half of those who interrupt come to a stop at a boundary of theirs, and the task goes on. */
  #excursion(point: Point, { way }: Move, draws: Draws): Until {
    const explorer = this.#explorer;
    if (way === undefined || draws.between(0, 1) === 0) return COMPLETION;
    const first = explorer.here();
    if (first === undefined || first.task.vcpu !== way.vcpu) return COMPLETION;
    const { id } = first.task;
    const begun = explorer.retiredBy(id);
    let left = draws.between(1, STOP_BOUNDARIES_MAX);
    for (let runner = explorer.here(); runner?.task.id === id; runner = explorer.here()) {
      const instructions = explorer.retiredBy(id) - begun;
      if (instructions >= EXCURSION_INSTRUCTIONS_MAX || !explorer.isNear(runner)) break;
      if (instructions > 0 && runner.isBoundary && --left === 0) {
        explorer.make({ decision: way.back, turnTo: point.task.vcpu });
        return { kind: 'stop', instructions, reason: 'boundary', address: runner.address };
      }
      explorer.step(runner);
    }
    return COMPLETION;
  }
}
