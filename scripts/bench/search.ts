import { join } from 'node:path';
import { Explorer } from '../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../emulator/explore/search/registry.ts';
import { runSearch } from '../../emulator/explore/search/run-search.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { assert } from '../../kernel-model/assert.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import { type Row, timed } from './measure.ts';

const NS_PER_SECOND = 1e9;
const TASKS = '2';
const INCREMENTS = '2';
const INSTRUCTIONS_MAX = 1_000_000;

/**
 * The search behind `fuzz --cpus 1 guest/counter.bin -- 2 2`, whole, in one process. Nothing like
 * it is in C.
 */
function searchRow(): Row {
  let schedules = 0;
  return {
    name: `search: counter ${TASKS} ${INCREMENTS}, 1 vCPU, all pairs`,
    unit: 'schedules/s',
    isSingle: true,
    value: (iterationNs) => (schedules * NS_PER_SECOND) / iterationNs,
    prepare: async ({ libraryPath, projectRoot }) => {
      const explorer = openExplorer(libraryPath, join(projectRoot, 'guest', 'counter.bin'));
      return {
        ours: timed(() => {
          schedules = searchOnce(explorer);
        }),
      };
    },
  };
}

function openExplorer(libraryPath: string, file: string): Explorer {
  const { image } = loadProgram(file);
  return new Explorer(
    openMachine({ libraryPath }),
    {
      program: { image, args: [TASKS, INCREMENTS], env: [] },
      profile: LINUX_6_18,
      vcpus: 1,
      seed: 1,
    },
    {
      ...{ preemptions: 2, entries: 2, instructions: INSTRUCTIONS_MAX },
      ...{ signals: [], runs: 0, seed: 1, depth: 1 },
    },
  );
}

/** Returns how many schedules there were. */
function searchOnce(explorer: Explorer): number {
  const searching = runSearch(SEARCH_STRATEGIES.exhaustive.open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (!done) continue;
    assert(value.verdict === 'pass', 'the counter is right');
    return value.tally.schedules;
  }
}

export const SEARCH_ROWS: readonly Row[] = [searchRow()];
