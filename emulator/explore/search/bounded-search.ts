import { assert } from '../../../kernel-model/assert.ts';
import type { Explorer } from './explorer.ts';
import { COMPLETION } from './interruption.ts';
import type { Move } from './moves.ts';
import { keyAt, PlainRun, SpinGuard } from './plain-run.ts';
import { countRun } from './run-end.ts';
import { advance, pointHere, type SchedulingPoint } from './scheduling-points.ts';
import type { Search } from './search-strategy.ts';
import { followAlone, hasNews } from './tail.ts';
import type { TallyCounter } from './tally-counter.ts';
import type { SearchPlan, WorkUnit } from './unit.ts';
import { type PathStates, VisitedStates } from './visited-states.ts';

/** Something that a bounded scheduler may do at a point, and what it pays. */
export interface PricedMove {
  readonly move: Move;
  readonly price: number;
}

/** What a bounded scheduler may do where; the deterministic rest is the continuation policy. */
export interface PriceList {
  /** Whether some moves cost nothing. */
  readonly hasFreeMoves: boolean;
  movesAt(point: SchedulingPoint, moves: readonly Move[]): PricedMove[];
}

/** What the plain run's own unit is numbered. */
const PLAIN = 0;

type Walk = Generator<void, void>;

/**
 * Every schedule that deviates from the continuation policy for a price of at most
 * `bounds.preemptions`. A unit of stage c holds those of price c exactly whose first deviation is
 * at some points of the plain run. States met before with as much left to pay are not explored again.
 */
export class BoundedSearch implements Search {
  readonly #explorer: Explorer;
  readonly #prices: PriceList;
  #plain: PlainRun | undefined;

  constructor(explorer: Explorer, prices: PriceList) {
    this.#explorer = explorer;
    this.#prices = prices;
  }

  plan(): SearchPlan {
    const { lesson, bounds } = this.#explorer;
    const { groups } = this.#plainRun;
    const units: WorkUnit[] = [{ stage: 0, from: PLAIN, to: PLAIN }];
    const first = this.#prices.hasFreeMoves ? 0 : 1;
    for (let stage = first; stage <= bounds.preemptions; stage++) {
      for (const { from, to } of groups) units.push({ stage, from, to });
    }
    return { units, boundaries: lesson.map.boundaries, leftOut: lesson.leftOut };
  }

  get #plainRun(): PlainRun {
    this.#plain ??= new PlainRun(this.#explorer);
    return this.#plain;
  }

  *explore(unit: WorkUnit, counter: TallyCounter): Walk {
    const explorer = this.#explorer;
    const plain = this.#plainRun;
    if (unit.from === PLAIN) {
      explorer.restore(plain.end);
      countRun(explorer, counter, plain.isEndless);
      return;
    }
    const group = plain.groups.find(({ from }) => from === unit.from);
    assert(group !== undefined, 'a unit of this plan', unit.from);
    explorer.restore(group.position);
    const deviations = new Deviations(explorer, this.#prices, counter, plain);
    let here: SchedulingPoint | undefined = group.first;
    for (let index = unit.from; ; ) {
      assert(here !== undefined, 'the plain run has so many points', index);
      if (here.point.isBoundary || here.isFresh) {
        yield* deviations.branch(here, unit.stage);
        if (counter.failure !== undefined || index === unit.to) return;
        index++;
      }
      advance(explorer, here.point);
      here = pointHere(explorer);
    }
  }
}

/** The schedules that deviate from a path. */
class Deviations {
  readonly #explorer: Explorer;
  readonly #prices: PriceList;
  readonly #counter: TallyCounter;
  readonly #states: VisitedStates;

  constructor(explorer: Explorer, prices: PriceList, counter: TallyCounter, plain: PlainRun) {
    this.#explorer = explorer;
    this.#prices = prices;
    this.#counter = counter;
    this.#states = new VisitedStates(plain, counter, () => explorer.describe());
  }

  /** Each move at a point that can be paid, with `toPay` to be spent in all; then all is as before. */
  *branch(here: SchedulingPoint, toPay: number): Walk {
    const explorer = this.#explorer;
    const { point } = here;
    const priced = this.#prices
      .movesAt(here, explorer.movesAt(point))
      .filter(({ price }) => price <= toPay);
    if (priced.length === 0) return;
    const position = explorer.save();
    for (const { move, price } of priced) {
      const placed = explorer.place(point, move.interruption(COMPLETION));
      explorer.make(move);
      this.#counter.cover(placed, explorer.made.length);
      explorer.note(placed);
      yield* this.#follow(toPay - price, this.#states.beginPath());
      explorer.restore(position);
      if (this.#counter.failure !== undefined) return;
    }
  }

  /** Goes on to the end, and branches wherever something can be paid. */
  *#follow(toPay: number, path: PathStates): Walk {
    const explorer = this.#explorer;
    const guard = new SpinGuard(explorer);
    for (;;) {
      const here = pointHere(explorer);
      if (here === undefined) break;
      const { point, isFresh } = here;
      if (guard.isEndless) {
        if (toPay > 0) return;
        explorer.runOn(point);
        continue;
      }
      if (isFresh || (point.isBoundary && (toPay > 0 || !explorer.isInside(point)))) {
        const key = keyAt(explorer, toPay > 0, isFresh);
        if (path.isExplored(key, toPay) === 'elsewhere') {
          if (toPay === 0 && hasNews(explorer, this.#counter)) {
            followAlone(explorer, this.#counter);
            yield;
            return;
          }
          this.#counter.merged++;
          this.#counter.schedules++;
          yield;
          return;
        }
        if (guard.comesBack(key)) {
          this.#counter.cut('spin');
          continue;
        }
        yield* this.branch(here, toPay);
        if (this.#counter.failure !== undefined) return;
      }
      advance(explorer, point);
    }
    if (toPay === 0) countRun(explorer, this.#counter, guard.isEndless);
    yield;
  }
}
