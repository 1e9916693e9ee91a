import { assert } from '../../../kernel-model/assert.ts';
import { type SearchResult, verdictOf } from '../search/run-search.ts';
import { addTallies, EMPTY_TALLY, isCutShort, type Tally } from '../search/tally.ts';
import type { SearchPlan, SetAsideUnit, WorkUnit } from '../search/unit.ts';

/** A unit for a worker to explore, up to so many schedules. */
export interface Assignment {
  readonly index: number;
  readonly unit: WorkUnit;
  readonly schedulesMax: number | undefined;
}

/** What is known of a unit. */
type UnitState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running'; readonly limit: number }
  | { readonly kind: 'whole'; readonly tally: Tally; readonly limit: number }
  | { readonly kind: 'cut'; readonly tally: Tally; readonly limit: number }
  | { readonly kind: 'set aside' };

const WAITING: UnitState = { kind: 'waiting' };
const TRIES_MAX = 2;

/**
 * Which units of a plan were explored and what that came to. Whoever explores them in whatever
 * order, the result is that of exploring them one after the other, up to the first failure or the
 * bound of schedules. What validators find fails a search, but ends it no earlier.
 */
export class UnitLedger {
  readonly #plan: SearchPlan;
  readonly #schedulesMax: number;
  readonly #states: UnitState[];
  readonly #crashes = new Map<number, string[]>();
  /** Units before this one are all settled. */
  #frontier = 0;
  /** Schedules of the units before the frontier. */
  #schedulesBefore = 0;
  /** Units from here on do not count: one before them fails, or reaches the bound of schedules. */
  #horizon: number;
  /** The result is that of the units before this one, once that is known. */
  #end: number | undefined;
  /** No unit before this one waits. */
  #firstWaiting = 0;
  readonly #explored = new Set<number>();

  /** `schedulesMax`: the unit that reaches so many schedules in all is cut there, and the last one. */
  constructor(plan: SearchPlan, schedulesMax = Number.POSITIVE_INFINITY) {
    this.#plan = plan;
    this.#schedulesMax = schedulesMax;
    this.#states = plan.units.map(() => WAITING);
    this.#horizon = plan.units.length;
    this.#advance();
  }

  /** Whether the result is known: what still runs does not count. */
  get isSettled(): boolean {
    return this.#end !== undefined;
  }

  /** Units that were explored whole. */
  get explored(): number {
    return this.#explored.size;
  }

  /** The tallies of the units that were explored whole; `undefined` for the others. */
  get tallies(): readonly (Tally | undefined)[] {
    return this.#states.map((state) => (state.kind === 'whole' ? state.tally : undefined));
  }

  /** Whether the result may need this unit. */
  isUseful(index: number): boolean {
    return !this.isSettled && index < this.#horizon;
  }

  /** Whether `next` has something to give. */
  get hasWaiting(): boolean {
    return this.#nextWaiting() !== undefined;
  }

  /** The next unit to explore, which is then taken to run; `undefined` if none waits. */
  next(): Assignment | undefined {
    const index = this.#nextWaiting();
    const unit = index === undefined ? undefined : this.#plan.units[index];
    if (index === undefined || unit === undefined) return undefined;
    const left = this.#left;
    this.#states[index] = { kind: 'running', limit: left };
    return { index, unit, schedulesMax: Number.isFinite(left) ? left : undefined };
  }

  /** A unit was explored whole. False if that was known. */
  finish(index: number, tally: Tally): boolean {
    assert(index < this.#states.length, 'a unit of the plan', index);
    const limit = this.#limitOf(index);
    this.#states[index] = { kind: 'whole', tally, limit };
    const isNew = !this.#explored.has(index);
    this.#explored.add(index);
    if (tally.failure !== undefined || tally.schedules >= this.#left) this.#endAt(index);
    this.#advance();
    return isNew;
  }

  /** A unit was explored up to its limit. */
  cut(index: number, tally: Tally): void {
    const limit = this.#limitOf(index);
    this.#states[index] = { kind: 'cut', tally, limit };
    this.#endAt(index);
    this.#advance();
  }

  /** Whoever explored the unit left it. */
  giveBack(index: number): void {
    this.#states[index] = WAITING;
    this.#firstWaiting = Math.min(this.#firstWaiting, index);
  }

  /** The process that explored the unit crashed: it is tried again, once. */
  crash(index: number, reason: string): void {
    const reasons = [...(this.#crashes.get(index) ?? []), reason];
    this.#crashes.set(index, reasons);
    if (reasons.length < TRIES_MAX) this.giveBack(index);
    else {
      this.#states[index] = { kind: 'set aside' };
      this.#advance();
    }
  }

  /**
   * What the search came to: up to its end once it is settled; before, all that is known, with what
   * unfinished units have come to so far.
   */
  result(unfinished: ReadonlyMap<number, Tally> = new Map()): SearchResult {
    const { units } = this.#plan;
    const end = this.#end ?? this.#horizon;
    let tally = EMPTY_TALLY;
    let isWhole = this.#end === units.length;
    const setAside: SetAsideUnit[] = [];
    for (let index = 0; index < end; index++) {
      const state = this.#states[index];
      const unit = units[index];
      assert(state !== undefined && unit !== undefined, 'a unit of the plan', index);
      if (state.kind === 'set aside') {
        setAside.push({ unit, reasons: this.#crashes.get(index) ?? [] });
      }
      isWhole &&= state.kind === 'whole';
      const part =
        state.kind === 'whole' || state.kind === 'cut' ? state.tally : unfinished.get(index);
      if (part !== undefined) tally = addTallies(tally, part);
    }
    return {
      verdict: verdictOf(tally, isWhole),
      plan: this.#plan,
      tally,
      completedStages: this.#completedStages(end),
      setAside,
    };
  }

  get #left(): number {
    return this.#schedulesMax - this.#schedulesBefore;
  }

  #limitOf(index: number): number {
    const state = this.#states[index];
    return state?.kind === 'running' ? state.limit : Number.POSITIVE_INFINITY;
  }

  #endAt(index: number): void {
    this.#horizon = Math.min(this.#horizon, index + 1);
  }

  #nextWaiting(): number | undefined {
    if (this.isSettled) return undefined;
    while (this.#firstWaiting < this.#horizon) {
      if (this.#states[this.#firstWaiting] === WAITING) return this.#firstWaiting;
      this.#firstWaiting++;
    }
    return undefined;
  }

  /** Moves the frontier over what is settled by now. */
  #advance(): void {
    const { units } = this.#plan;
    while (this.#end === undefined) {
      const index = this.#frontier;
      if (index === units.length || this.#left <= 0) {
        this.#end = index;
        return;
      }
      const state = this.#states[index];
      if (state?.kind === 'whole' || state?.kind === 'cut') {
        const isWithin = state.kind === 'whole' && state.tally.schedules < this.#left;
        // Where a unit that ran under a higher bound would have been cut, only a new run can tell.
        if (!isWithin && state.limit !== this.#left) {
          this.giveBack(index);
          return;
        }
        this.#schedulesBefore += state.tally.schedules;
        if (state.kind === 'cut' || state.tally.failure !== undefined) this.#end = index + 1;
      } else if (state?.kind !== 'set aside') return;
      this.#frontier++;
    }
  }

  /** Stages at the beginning of the plan that were explored whole, without failure or a cut. */
  #completedStages(end: number): number {
    let stages = 0;
    for (let index = 0; index < end; index++) {
      const state = this.#states[index];
      if (state?.kind !== 'whole' || state.tally.failure !== undefined) break;
      if (isCutShort(state.tally)) break;
      if (this.#plan.units[index + 1]?.stage !== this.#plan.units[index]?.stage) stages++;
    }
    return stages;
  }
}
