import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import type { Machine } from '../../machine/machine.ts';
import { isPass, type Outcome } from '../../machine/outcome.ts';
import type { MachineSnapshot } from '../../machine/run.ts';
import type { ContinuationState } from './continuation.ts';
import { Driver } from './driver.ts';
import type { Interruption, PlacedInterruption, Until } from './interruption.ts';
import { type Move, movesAt, type Step } from './moves.ts';
import { learnBoundaries } from './profile-run.ts';
import { SectionMap } from './section-map.ts';
import { SeenStates } from './seen-states.ts';
import { type Entries, Window } from './window.ts';

/** What bounds a search. */
export interface SearchBounds {
  /** Interruptions at most. */
  readonly preemptions: number;
  /** Dynamic entries of each section by each task whose boundaries are interrupted. */
  readonly entries: number;
  /** Schedules at most. */
  readonly schedules: number;
  /** Instructions of one schedule at most; more is a time-out. */
  readonly instructions: number;
}

/** A schedule that ended other than a correct program does. */
export interface Failure {
  readonly interruptions: readonly PlacedInterruption[];
  readonly decisions: readonly Decision[];
  readonly outcome: Outcome;
}

/** How often each kind of interruption was made before each instruction. */
export type Coverage = Map<number, Map<Interruption['kind'], number>>;

/** What a search did. */
export interface SearchResult {
  readonly verdict: 'pass' | 'fail' | 'incomplete';
  readonly failure: Failure | undefined;
  readonly schedules: number;
  readonly distinctStates: number;
  /** Schedules that came to a state from which all was explored. */
  readonly merged: number;
  readonly timedOut: number;
  /** All schedules with so many interruptions were explored. */
  readonly completed: number;
  /** Interruptions made, by address and kind. */
  readonly coverage: Coverage;
  readonly map: SectionMap;
}

/** Everything that a path has behind it. */
interface Position {
  readonly snapshot: MachineSnapshot;
  readonly continuation: ContinuationState;
  readonly entries: Entries;
}

/** What a search has done so far. */
export interface SearchProgress {
  readonly schedules: number;
  readonly distinctStates: number;
  /** All schedules with so many interruptions were explored. */
  readonly completed: number;
}

type Walk = Generator<SearchProgress, void>;

const MILLISECONDS_BETWEEN_PAUSES = 50;
const STEPS_BETWEEN_CLOCK_READS = 64;

type Place = Omit<PlacedInterruption, 'interruption'>;

const COMPLETION: Until = { kind: 'completion' };

/** Thrown to leave all paths at once. */
class SearchOver extends Error {}

/** Whoever interrupts is followed for so many instructions before it counts as going on by itself. */
const EXCURSION_INSTRUCTIONS_MAX = 2000;

/**
 * All single interruptions, then all ordered pairs, and so on, around the sections of a program: at each
 * boundary each action, the rest of the run by the continuation policy. Depth first over snapshots, so
 * that only suffixes run; a state met before with as many interruptions left is not explored again.
 */
export class ExhaustiveSearch {
  readonly #machine: Machine;
  readonly #boot: (driver: Driver) => void;
  readonly #bounds: SearchBounds;
  readonly #isOver: () => boolean;
  #driver: Driver;
  #map = new SectionMap();
  #window: Window;
  #seen = new SeenStates();
  #distinctStates = 0;
  #made: PlacedInterruption[] = [];
  #schedules = 0;
  #merged = 0;
  #timedOut = 0;
  #paths = 0;
  #failure: Failure | undefined;
  #completed = 0;
  #pausedAt = performance.now();
  #steps = 0;
  readonly #coverage: Coverage = new Map();

  /** `boot` starts the program with a driver's strategy; `isOver` tells when to give up. */
  constructor(
    machine: Machine,
    boot: (driver: Driver) => void,
    bounds: SearchBounds,
    isOver: () => boolean,
  ) {
    this.#machine = machine;
    this.#boot = boot;
    this.#bounds = bounds;
    this.#isOver = isOver;
    this.#driver = new Driver(machine);
    this.#window = new Window(this.#map, bounds.entries);
  }

  /**
   * Searches until the bound is complete, a schedule fails, or `isOver` says so. Pauses now and then, so
   * that the caller can let others run.
   */
  *run(): Generator<SearchProgress, SearchResult> {
    let isComplete = true;
    try {
      this.#start();
      this.#map = learnBoundaries(this.#driver);
      this.#end();
      for (let budget = 1; budget <= this.#bounds.preemptions; budget++) {
        this.#start();
        yield* this.#walk(budget);
        this.#completed = budget;
      }
    } catch (error) {
      if (!(error instanceof SearchOver)) throw error;
      isComplete = false;
    }
    const isPassed = isComplete && this.#timedOut === 0;
    return {
      verdict: this.#failure !== undefined ? 'fail' : isPassed ? 'pass' : 'incomplete',
      failure: this.#failure,
      schedules: this.#schedules,
      distinctStates: this.#distinctStates,
      merged: this.#merged,
      timedOut: this.#timedOut,
      completed: this.#completed,
      coverage: this.#coverage,
      map: this.#map,
    };
  }

  get progress(): SearchProgress {
    return {
      schedules: this.#schedules,
      distinctStates: this.#distinctStates,
      completed: this.#completed,
    };
  }

  #isTimeToPause(): boolean {
    this.#steps++;
    if (this.#steps % STEPS_BETWEEN_CLOCK_READS !== 0) return false;
    const now = performance.now();
    if (now - this.#pausedAt < MILLISECONDS_BETWEEN_PAUSES) return false;
    if (this.#isOver()) throw new SearchOver();
    this.#pausedAt = now;
    return true;
  }

  #start(): void {
    this.#driver = new Driver(this.#machine);
    this.#window = new Window(this.#map, this.#bounds.entries);
    this.#seen = new SeenStates();
    this.#made = [];
    this.#boot(this.#driver);
  }

  /** Goes on to the end of the run, with `budget` interruptions left to make on the way. */
  *#walk(budget: number): Walk {
    const path = ++this.#paths;
    for (;;) {
      if (this.#isTimeToPause()) yield this.progress;
      const task = this.#driver.nextTask();
      if (task === undefined) {
        this.#end();
        return;
      }
      const address = this.#driver.addressOf(task);
      if (!this.#window.isNear(task, address)) {
        this.#driver.run(task, Number.POSITIVE_INFINITY);
        if (this.#isExplored(budget, path)) return;
        continue;
      }
      if (this.#window.isBoundary(task, address)) {
        if (this.#isExplored(budget, path)) return;
        if (budget > 0) yield* this.#branch(task, address, budget - 1);
      }
      this.#step(task.id, address);
    }
  }

  /** Whether another path has explored all that can follow from here. */
  #isExplored(budget: number, path: number): boolean {
    if (this.#machine.outcome !== undefined) return false;
    const { vcpu } = this.#driver.state;
    const key = `${this.#machine.stateKey()} ${vcpu} ${this.#window.key}`;
    if (!this.#seen.covers(key, budget, path)) {
      this.#distinctStates++;
      return false;
    }
    this.#merged++;
    this.#count();
    return true;
  }

  /** Each move before an instruction of a task, and what follows from it; then all is as before. */
  *#branch(task: Task, address: number, budget: number): Walk {
    const position = this.#save();
    const place = { task: task.id, vcpu: task.vcpu, address };
    for (const move of movesAt(this.#machine.kernel.state, task)) {
      this.#restore(position);
      this.#make(move);
      yield* this.#follow({ ...place, interruption: move.interruption(COMPLETION) }, budget);
      if (move.way === undefined) continue;
      this.#restore(position);
      this.#make(move);
      yield* this.#excursion(place, move, budget);
    }
    this.#restore(position);
  }

  #make({ decision, turnTo }: Step): void {
    if (decision !== undefined) this.#machine.apply(decision);
    if (turnTo !== undefined) this.#driver.turnTo(turnTo);
  }

  /** What follows from an interruption that was just made. */
  *#follow(placed: PlacedInterruption, budget: number): Walk {
    const kinds = this.#coverage.get(placed.address) ?? new Map();
    kinds.set(placed.interruption.kind, (kinds.get(placed.interruption.kind) ?? 0) + 1);
    this.#coverage.set(placed.address, kinds);
    this.#made.push(placed);
    yield* this.#walk(budget);
    this.#made.pop();
  }

  /** Whoever runs instead goes on up to each of its boundaries, and through its next section. */
  *#excursion(place: Place, move: Move, budget: number): Walk {
    const first = this.#driver.nextTask();
    if (first === undefined || first.vcpu !== move.way?.vcpu) return;
    const { committed } = this.#machine.sections.counts;
    let ordinal = 0;
    for (let step = 0; step < EXCURSION_INSTRUCTIONS_MAX; step++) {
      // Going back to a snapshot replaces all tasks.
      const runner = this.#driver.nextTask();
      if (runner?.id !== first.id) return;
      const hasCommitted = this.#machine.sections.counts.committed > committed;
      const address = this.#driver.addressOf(runner);
      if (hasCommitted || (step > 0 && this.#window.isBoundary(runner, address))) {
        const until: Until = hasCommitted
          ? { kind: 'commit' }
          : { kind: 'boundary', ordinal: ++ordinal };
        const there = this.#save();
        this.#make({ decision: move.way.back, turnTo: place.vcpu });
        yield* this.#follow({ ...place, interruption: move.interruption(until) }, budget);
        this.#restore(there);
      }
      if (hasCommitted || !this.#window.isNear(runner, address)) return;
      this.#step(first.id, address);
    }
  }

  /** One instruction of the task that runs. */
  #step(id: number, address: number): void {
    const task = taskOf(this.#machine.kernel.state, id);
    this.#window.note(task, address, this.#driver.regionOf(task));
    this.#driver.run(task, 1);
  }

  /** The run has ended. */
  #end(): void {
    const { outcome } = this.#machine;
    if (outcome === undefined) return;
    if (outcome.kind === 'budget') this.#timedOut++;
    else if (!isPass(outcome)) {
      this.#failure = {
        interruptions: [...this.#made],
        decisions: this.#machine.decisions,
        outcome,
      };
      throw new SearchOver();
    }
    this.#count();
  }

  #count(): void {
    this.#schedules++;
    if (this.#schedules >= this.#bounds.schedules) throw new SearchOver();
  }

  #save(): Position {
    return {
      snapshot: this.#machine.snapshot(),
      continuation: this.#driver.state,
      entries: this.#window.save(),
    };
  }

  #restore({ snapshot, continuation, entries }: Position): void {
    this.#machine.restore(snapshot);
    this.#driver.state = continuation;
    this.#window.restore(entries);
  }
}
