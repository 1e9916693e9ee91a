import { BoundedSearch, type PriceList } from '../bounded-search.ts';
import { describeBoundaries } from '../bounds.ts';
import type { SearchStrategy } from '../search-strategy.ts';

/**
 * Iterative context bounding (Musuvathi and Qadeer, PLDI 2007; exploration.md 2.3): who goes on
 * where a task waits, yields or ends is a free choice; at a boundary, each interruption of a task
 * that could go on costs one. One that ran instead and is stopped in turn is paid for again, unlike
 * in `exhaustive`.
 */
const PRICES: PriceList = {
  hasFreeMoves: true,
  movesAt: ({ point, isFresh }, moves) =>
    moves.flatMap((move) => {
      if (isFresh && move.way !== undefined) return [{ move, price: 0 }];
      return point.isBoundary ? [{ move, price: 1 }] : [];
    }),
};

export const PREEMPTION_BOUND: SearchStrategy = {
  title: 'every choice of who goes on where a task waits, and all preemptions up to the bound',
  isComplete: true,
  grain: 'boundary',
  describeBound: (bounds) =>
    `up to ${describeBoundaries('interruption', bounds)}, and every choice where a task waits`,
  open: (explorer) => new BoundedSearch(explorer, PRICES),
};
