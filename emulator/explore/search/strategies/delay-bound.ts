import { BoundedSearch, type PriceList } from '../bounded-search.ts';
import { describeBoundaries } from '../bounds.ts';
import type { SearchStrategy } from '../search-strategy.ts';

/**
 * Delay bounding (Emmi, Qadeer and Rakamaric, POPL 2011; exploration.md 2.3): the scheduler is
 * deterministic, and takes the tasks of a vCPU in turn, then the other vCPUs. A delay skips one
 * task, at a boundary or where somebody new is picked; to get at the n-th other one takes n delays.
 * What else can happen to a task costs as much as one.
 */
const PRICES: PriceList = {
  hasFreeMoves: false,
  movesAt: ({ point }, moves) => {
    const others = moves.filter(({ way }) => way !== undefined);
    const interruptions = moves.filter(({ way }) => way === undefined);
    return [
      ...(point.isBoundary ? interruptions.map((move) => ({ move, price: 1 })) : []),
      ...others.map((move, index) => ({ move, price: index + 1 })),
    ];
  },
};

export const DELAY_BOUND: SearchStrategy = {
  title: 'a deterministic scheduler that skips a task up to so many times',
  isComplete: true,
  grain: 'boundary',
  describeBound: (bounds) => `up to ${describeBoundaries('delay', bounds)}, and where a task waits`,
  open: (explorer) => new BoundedSearch(explorer, PRICES),
};
