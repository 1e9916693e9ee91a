import type { SearchStrategy } from './search-strategy.ts';
import { DPOR } from './strategies/dpor.ts';
import { EXHAUSTIVE } from './strategies/exhaustive.ts';

/** The strategies of `fuzz --strategy`, by name. */
export const SEARCH_STRATEGIES = {
  exhaustive: EXHAUSTIVE,
  dpor: DPOR,
} as const satisfies Readonly<Record<string, SearchStrategy>>;
