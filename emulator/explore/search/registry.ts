import type { SearchStrategy } from './search-strategy.ts';
import { DELAY_BOUND } from './strategies/delay-bound.ts';
import { DPOR } from './strategies/dpor.ts';
import { EXHAUSTIVE } from './strategies/exhaustive.ts';
import { PCT } from './strategies/pct.ts';
import { PREEMPTION_BOUND } from './strategies/preemption-bound.ts';
import { RANDOM } from './strategies/random.ts';
import { REPLAY } from './strategies/replay.ts';

/** The strategies of `fuzz --strategy`, by name. */
export const SEARCH_STRATEGIES = {
  exhaustive: EXHAUSTIVE,
  'preemption-bound': PREEMPTION_BOUND,
  'delay-bound': DELAY_BOUND,
  pct: PCT,
  random: RANDOM,
  dpor: DPOR,
  replay: REPLAY,
} as const satisfies Readonly<Record<string, SearchStrategy>>;
