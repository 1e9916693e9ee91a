import type { SearchBounds } from './bounds.ts';
import type { Explorer } from './explorer.ts';
import type { TallyCounter } from './tally-counter.ts';
import type { SearchPlan, WorkUnit } from './unit.ts';

/**
 * A way to choose which schedules of a program to try. One file each in strategies/, one line in
 * registry.ts.
 */
export interface SearchStrategy {
  /** One line for help and reports. */
  readonly title: string;
  /** Whether a search that ended within its bound has tried every schedule of the bound. */
  readonly isComplete: boolean;
  /** What is interrupted: boundaries of the lesson, or tasks wherever an event of theirs is next. */
  readonly grain: 'boundary' | 'event';
  /** The schedules of its bound, in words. */
  describeBound(bounds: SearchBounds): string;
  open(explorer: Explorer): Search;
}

/**
 * A strategy at work on one program. What a unit comes to depends on the program and the bounds
 * alone, never on other units, so that units of a stage can be explored anywhere and in any order,
 * again if need be.
 */
export interface Search {
  /** The units of the whole search, in the order in which failures count. */
  plan(): SearchPlan;
  /**
   * Explores a unit and counts in `counter`; ends at the first failure, which it leaves there.
   * Yields every few schedules, so that the caller can look at the clock, and give up.
   */
  explore(unit: WorkUnit, counter: TallyCounter): Generator<void, void>;
}
