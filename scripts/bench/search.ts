import { join } from 'node:path';
import type { SearchJob } from '../../emulator/explore/campaign/job.ts';
import { search } from '../../emulator/explore/campaign/search.ts';
import type { SearchBounds } from '../../emulator/explore/search/bounds.ts';
import { Explorer } from '../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../emulator/explore/search/registry.ts';
import { runSearch } from '../../emulator/explore/search/run-search.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { assert } from '../../kernel-model/assert.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import { type Effort, type OwnRow, type Row, type Timed, type Tools, timed } from './measure.ts';
import { type Concern, sharesOf } from './shares.ts';

const NS_PER_SECOND = 1e9;
/** Small, for one process that was warmed up. */
const ARGS = ['2', '2'];
/** In workers the default configuration: each starts cold, and needs seconds to get fast. */
const QUICK_ARGS = ['4', '1'];
const ROUNDS = 5;
/** Of each section by each task: what `fuzz` takes by default, and more. */
const ENTRIES = 2;
const LONG_ENTRIES = 3;
const MEMORY_LIMIT_BYTES = 2 ** 30;
const PERCENT = 100;

/** As `fuzz` has them; with one interruption for a look whether it works. */
function boundsOf({ isQuick }: Effort): SearchBounds {
  return {
    ...{ preemptions: isQuick ? 1 : 2, entries: ENTRIES, instructions: 1_000_000 },
    ...{ signals: [], runs: 0, seed: 1, depth: 1 },
  };
}

/** The search behind `fuzz --cpus 1 guest/counter.bin -- 2 2`, whole, in this process. */
const RATE_ROW: Row = {
  name: `search: counter ${ARGS.join(' ')}, all pairs, 1 vCPU, 1 core`,
  unit: 'schedules/s',
  isSingle: true,
  roundsMax: ROUNDS,
  // What is counted is the same in each round: the rate follows from the time of one.
  value: (iterationNs) => NS_PER_SECOND / iterationNs,
  prepare: async (tools, effort) => {
    const explorer = openExplorer(tools, effort);
    // The just-in-time compiler, and how many schedules there are.
    const counts = searchOnce(explorer);
    const perSchedule = timed(() => searchOnce(explorer));
    return {
      ours: async (iterations) => (await perSchedule(iterations)) / counts.schedules,
      note: () =>
        `${counts.schedules} schedules, ${(counts.instructions / counts.schedules).toFixed(1)} ` +
        `instructions executed for each`,
    };
  },
};

function openExplorer({ libraryPath, projectRoot }: Tools, effort: Effort): Explorer {
  const { image } = loadProgram(join(projectRoot, 'guest', 'counter.bin'));
  return new Explorer(
    openMachine({ libraryPath }),
    {
      program: { image, args: ARGS, env: [] },
      profile: LINUX_6_18,
      vcpus: 1,
      seed: 1,
      watching: { openLogging: () => openMachine({ libraryPath, logReads: true }) },
    },
    boundsOf(effort),
  );
}

interface SearchCounts {
  readonly schedules: number;
  readonly instructions: number;
}

/** Searches all schedules. */
function searchOnce(explorer: Explorer): SearchCounts {
  const searching = runSearch(SEARCH_STRATEGIES.exhaustive.open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (!done) continue;
    assert(value.verdict === 'pass', 'the counter is right');
    return { schedules: value.tally.schedules, instructions: explorer.driver.executed };
  }
}

/**
 * A search in worker processes, one and two of them, with their start. The ratio is how many times as
 * long as two workers one takes.
 */
function jobsRow(name: string, entries: number): Row {
  return {
    name: `search: counter, ${name}, 2 vCPUs, 1 job beside 2`,
    unit: 's',
    isSingle: true,
    roundsMax: ROUNDS,
    value: (iterationNs) => iterationNs / NS_PER_SECOND,
    prepare: async (tools, effort) => {
      const { bounds, ...rest } = jobOf(tools, effort);
      const job = { ...rest, bounds: { ...bounds, entries } };
      const counts = new Set<number>();
      const searching =
        (jobs: number): Timed =>
        async () => {
          const started = process.hrtime.bigint();
          const { verdict, tally } = await search({ job, libraryPath: tools.libraryPath, jobs });
          const ns = Number(process.hrtime.bigint() - started);
          assert(verdict === 'pass', 'the counter is right');
          counts.add(tally.schedules);
          assert(counts.size === 1, 'counts do not depend on the number of workers');
          return ns;
        };
      return {
        ours: searching(1),
        reference: searching(2),
        note: () => `${[...counts].join()} schedules`,
      };
    },
  };
}

function jobOf({ projectRoot }: Tools, effort: Effort): SearchJob {
  const { path, sha256 } = loadProgram(join(projectRoot, 'guest', 'counter.bin')).image;
  return {
    guest: { path, sha256, args: effort.isQuick ? QUICK_ARGS : [], env: [] },
    ...{ kernel: LINUX_6_18.name, cpus: 2, seed: 1, strategy: 'exhaustive' },
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    bounds: boundsOf(effort),
  };
}

const CONCERNS: readonly Concern[] = [
  'engine',
  'kernel model',
  'hashing',
  'machine',
  'validators',
  'search',
  'other',
];

/** What the first row's time is spent on, by samples of one more search. */
const SHARES_ROW: OwnRow = {
  name: 'search: shares of its time',
  figures: async (tools, effort) => {
    const explorer = openExplorer(tools, effort);
    searchOnce(explorer);
    const shares = await sharesOf(() => searchOnce(explorer));
    return CONCERNS.map((concern) => ({
      name: `search: share of its time: ${concern}`,
      unit: '%',
      value: PERCENT * (shares.get(concern) ?? 0),
    }));
  },
};

/**
 * What this machine has to give: two whole searches at once, by a worker each, share caches, memory and
 * the cores that the just-in-time compiler and the collector of one work on beside it.
 */
const CEILING_ROW: Row = {
  name: 'search: counter, all pairs, 2 vCPUs, 1 job alone beside half of 2 at once',
  unit: 's',
  isSingle: true,
  roundsMax: ROUNDS,
  value: (iterationNs) => iterationNs / NS_PER_SECOND,
  prepare: async (tools, effort) => {
    const job = jobOf(tools, effort);
    const searching =
      (searches: number): Timed =>
      async () => {
        const started = process.hrtime.bigint();
        const one = () => search({ job, libraryPath: tools.libraryPath, jobs: 1 });
        await Promise.all(Array.from({ length: searches }, one));
        return Number(process.hrtime.bigint() - started) / searches;
      };
    return { ours: searching(1), reference: searching(2) };
  },
};

/** Rows about the search; nothing like it is in C. */
export const SEARCH_ROWS: readonly (Row | OwnRow)[] = [
  RATE_ROW,
  // As `fuzz` does it by default, half a minute, and one of a minute with `--entries 3`.
  jobsRow('all pairs', ENTRIES),
  jobsRow(`all pairs in ${LONG_ENTRIES} entries`, LONG_ENTRIES),
  CEILING_ROW,
  SHARES_ROW,
];
