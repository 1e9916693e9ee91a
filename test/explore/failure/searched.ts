import type { SearchBounds } from '../../../emulator/explore/search/bounds.ts';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../../emulator/explore/search/run-search.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { PROFILES } from '../../../kernel-model/rseq/registry.ts';
import { guest } from '../../machine/rig.ts';

/** A guest whose schedules a test searches. */
export interface Searched {
  readonly file: string;
  readonly args: readonly string[];
  readonly vcpus: number;
  readonly bounds?: Partial<SearchBounds>;
}

export const TEST_BOUNDS: SearchBounds = {
  preemptions: 1,
  entries: 1,
  instructions: 100_000,
  signals: [],
  runs: 0,
  seed: 1,
  depth: 1,
};

export function explorerOf(machine: Machine, { file, args, vcpus, bounds }: Searched): Explorer {
  return new Explorer(
    machine,
    { program: guest(file, ...args), profile: PROFILES['linux-6.18'], vcpus, seed: 1 },
    { ...TEST_BOUNDS, ...bounds },
  );
}

export function searchAll(explorer: Explorer): SearchResult {
  const searching = runSearch(SEARCH_STRATEGIES.exhaustive.open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value;
  }
}
