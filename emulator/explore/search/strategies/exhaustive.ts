import { assert } from '../../../../kernel-model/assert.ts';
import { Baseline } from '../baseline.ts';
import { describeBoundaries } from '../bounds.ts';
import type { Explorer, Point } from '../explorer.ts';
import { COMPLETION, type PlacedInterruption, type Until } from '../interruption.ts';
import type { Move } from '../moves.ts';
import { countRun } from '../run-end.ts';
import type { Search, SearchStrategy } from '../search-strategy.ts';
import { followTail } from '../tail.ts';
import type { TallyCounter } from '../tally-counter.ts';
import type { SearchPlan, WorkUnit } from '../unit.ts';
import { type PathStates, VisitedStates } from '../visited-states.ts';

/**
 * Whoever interrupts is stopped at its boundaries for so many instructions; then it goes on by
 * itself.
 */
const EXCURSION_INSTRUCTIONS_MAX = 2000;

type Walk = Generator<void, void>;

/**
 * All single interruptions, then all ordered pairs, and so on, around the sections of a program: at each
 * boundary each move, the rest of the run by the continuation policy (exploration.md 2.2, algorithm
 * A). A unit of stage c holds the schedules with exactly c interruptions whose first one is made at
 * some boundaries of the plain run. Only suffixes run, from snapshots; a state met before, with as
 * many interruptions to come, is not explored again, nor is one of the plain run, whose schedules
 * are those of the stages before.
 */
export const EXHAUSTIVE: SearchStrategy = {
  title: 'all single interruptions around sections and shared accesses, then all pairs, ...',
  isComplete: true,
  grain: 'boundary',
  describeBound: (bounds) => `up to ${describeBoundaries('interruption', bounds)}`,
  open: (explorer) => new ExhaustiveSearch(explorer),
};

class ExhaustiveSearch implements Search {
  readonly #explorer: Explorer;
  #baseline: Baseline | undefined;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  plan(): SearchPlan {
    const { lesson, bounds } = this.#explorer;
    const { groups } = this.#runBaseline();
    const units: WorkUnit[] = [{ stage: 0, from: 0, to: 0 }];
    for (let stage = 1; stage <= bounds.preemptions; stage++) {
      for (const { from, to } of groups) units.push({ stage, from, to });
    }
    return { units, boundaries: lesson.map.boundaries, leftOut: lesson.leftOut };
  }

  #runBaseline(): Baseline {
    this.#baseline ??= new Baseline(this.#explorer);
    return this.#baseline;
  }

  *explore(unit: WorkUnit, counter: TallyCounter): Walk {
    const baseline = this.#runBaseline();
    if (unit.stage === 0) {
      this.#explorer.restore(baseline.end);
      countRun(this.#explorer, counter, baseline.isEndless);
      return;
    }
    const group = baseline.groups.find(({ from }) => from === unit.from);
    assert(group !== undefined, 'a unit of this plan', unit.from);
    this.#explorer.restore(group.position);
    const states = new VisitedStates(baseline, counter, () => this.#explorer.describe());
    for (let index = unit.from; index <= unit.to; index++) {
      const point = this.#explorer.nextBoundary();
      assert(point !== undefined, 'the plain run has so many boundaries', index);
      yield* new Branching(this.#explorer, counter, states).branch(point, unit.stage);
      if (counter.failure !== undefined) return;
      this.#explorer.step(point);
    }
  }
}

/** The schedules that follow from a point of a path. */
class Branching {
  readonly #explorer: Explorer;
  readonly #counter: TallyCounter;
  readonly #states: VisitedStates;

  constructor(explorer: Explorer, counter: TallyCounter, states: VisitedStates) {
    this.#explorer = explorer;
    this.#counter = counter;
    this.#states = states;
  }

  /** Each move before an instruction, with `toMake` interruptions in all; then all is as before. */
  *branch(point: Point, toMake: number): Walk {
    const explorer = this.#explorer;
    const position = explorer.save();
    for (const move of explorer.movesAt(point)) {
      const placed = explorer.place(point, move.interruption(COMPLETION));
      explorer.make(move);
      yield* this.#follow(placed, toMake - 1);
      explorer.restore(position);
      if (this.#counter.failure !== undefined) return;
      if (move.way === undefined) continue;
      explorer.make(move);
      yield* this.#excursion(point, move, toMake - 1);
      explorer.restore(position);
      if (this.#counter.failure !== undefined) return;
    }
  }

  /** What follows from an interruption that was just made, with `toMake` more. */
  *#follow(placed: PlacedInterruption, toMake: number): Walk {
    const { made } = this.#explorer;
    this.#counter.cover(placed, made.length);
    this.#explorer.note(placed);
    const path = this.#states.beginPath();
    if (toMake === 0) {
      followTail(this.#explorer, this.#counter, path);
      yield;
    } else yield* this.#walk(toMake, path);
  }

  /** Goes on as long as there are boundaries, and branches at each. */
  *#walk(toMake: number, path: PathStates): Walk {
    const explorer = this.#explorer;
    for (;;) {
      const point = explorer.here();
      if (point === undefined) return;
      if (point.isBoundary) {
        const key = explorer.key();
        if (path.isExplored(explorer.withWindow(key), toMake) === 'elsewhere') {
          this.#counter.merged++;
          this.#counter.schedules++;
          return;
        }
        path.passes(key);
        yield* this.branch(point, toMake);
        if (this.#counter.failure !== undefined) return;
        explorer.step(point);
      } else if (explorer.isNear(point)) explorer.approach(point);
      else {
        explorer.runOn(point);
        const key = explorer.key();
        if (path.isExplored(explorer.withWindow(key), toMake) === 'elsewhere') return;
        path.passes(key);
      }
    }
  }

  /**
   * Whoever runs instead goes on up to each of its boundaries, through its next section, and on to
   * the one after that: what it does with what it committed is still to come.
   */
  *#excursion(point: Point, move: Move, toMake: number): Walk {
    const explorer = this.#explorer;
    const { machine } = explorer;
    const first = explorer.here();
    if (first === undefined || first.task.vcpu !== move.way?.vcpu) return;
    const { id } = first.task;
    let { committed } = machine.sections.counts;
    let hasCommitted = false;
    const retiredBefore = explorer.retiredBy(id);
    for (let instructions = 0; ; instructions = explorer.retiredBy(id) - retiredBefore) {
      const runner = explorer.here();
      if (runner?.task.id !== id) return;
      const commits = machine.sections.counts.committed > committed;
      committed = machine.sections.counts.committed;
      if (hasCommitted && explorer.isInside(runner)) return;
      hasCommitted ||= commits;
      const { address, isBoundary } = runner;
      if (commits || (instructions > 0 && isBoundary)) {
        const reason = commits ? 'commit' : 'boundary';
        const until: Until = { kind: 'stop', instructions, reason, address };
        const there = explorer.save();
        explorer.make({ decision: move.way.back, turnTo: point.task.vcpu });
        yield* this.#follow(explorer.place(point, move.interruption(until)), toMake);
        explorer.restore(there);
        if (this.#counter.failure !== undefined) return;
      }
      if (!explorer.isNear(runner)) return;
      if (instructions >= EXCURSION_INSTRUCTIONS_MAX) {
        this.#counter.cut('excursion');
        return;
      }
      explorer.approach(runner, {
        limitInstructions: EXCURSION_INSTRUCTIONS_MAX - instructions,
        stopsAtSections: true,
      });
    }
  }
}
