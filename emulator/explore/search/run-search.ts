import type { Search } from './search-strategy.ts';
import { addTallies, EMPTY_TALLY, failureOf, isCutShort, type Tally } from './tally.ts';
import { TallyCounter } from './tally-counter.ts';
import type { SearchPlan, SetAsideUnit } from './unit.ts';

/** What a search came to. */
export interface SearchResult {
  readonly verdict: 'pass' | 'fail' | 'incomplete';
  readonly plan: SearchPlan;
  readonly tally: Tally;
  /**
   * Stages at the beginning that were explored whole, with nothing cut short; the plain run is
   * stage 0.
   */
  readonly completedStages: number;
  /**
   * Units that could not be explored, in the order of the plan; only processes of their own have
   * any.
   */
  readonly setAside: readonly SetAsideUnit[];
}

/**
 * Explores all units one after the other, here; stops at the first schedule that fails by itself, or
 * once `isOver` says so. What validators find fails a search, but ends it no earlier.
 */
export function* runSearch(
  search: Search,
  isOver: (sofar: Tally) => boolean,
): Generator<Tally, SearchResult> {
  const plan = search.plan();
  let tally = EMPTY_TALLY;
  let completedStages = 0;
  for (const [index, unit] of plan.units.entries()) {
    const counter = new TallyCounter();
    let isStopped = false;
    for (const _ of search.explore(unit, counter)) {
      isStopped = isOver(counter.tally);
      if (isStopped) break;
    }
    tally = addTallies(tally, counter.tally);
    yield tally;
    const sofar = { plan, tally, completedStages, setAside: [] };
    if (tally.failure !== undefined) return { verdict: 'fail', ...sofar };
    if (isStopped) return { verdict: verdictOf(tally, false), ...sofar };
    if (isCutShort(tally)) continue;
    if (plan.units[index + 1]?.stage !== unit.stage) completedStages++;
  }
  return { verdict: verdictOf(tally, true), plan, tally, completedStages, setAside: [] };
}

/** The verdict on what a search came to; `isWhole`: all units were explored whole. */
export function verdictOf(tally: Tally, isWhole: boolean): SearchResult['verdict'] {
  if (failureOf(tally) !== undefined) return 'fail';
  return isWhole && !isCutShort(tally) ? 'pass' : 'incomplete';
}
