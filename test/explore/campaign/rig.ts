import { join } from 'node:path';
import type { SearchJob } from '../../../emulator/explore/campaign/job.ts';
import { type SearchOptions, search } from '../../../emulator/explore/campaign/search.ts';
import type { SearchBounds } from '../../../emulator/explore/search/bounds.ts';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch, type SearchResult } from '../../../emulator/explore/search/run-search.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { unicornLibrary } from '../../support/unicorn.ts';

/** A search of a committed guest that takes a second or less of one core. */
export function jobFor(
  file: string,
  args: readonly string[],
  bounds: Partial<SearchBounds> = {},
  cpus = 1,
): SearchJob {
  const path = join(guestDir, file);
  return {
    guest: { path, sha256: loadProgram(path).image.sha256, args, env: [] },
    kernel: 'linux-6.18',
    cpus,
    seed: 1,
    memoryLimitBytes: 2 ** 28,
    strategy: 'exhaustive',
    bounds: {
      ...{ preemptions: 1, entries: 1, instructions: 100_000, signals: [] },
      ...{ runs: 10, seed: 1, depth: 2 },
      ...bounds,
    },
  };
}

/** What worker processes make of a job. */
export async function searchWith(
  job: SearchJob,
  options: Partial<SearchOptions> = {},
): Promise<SearchResult> {
  const {
    engine,
    unitTallies: _,
    ...result
  } = await search({
    job,
    libraryPath: await unicornLibrary(),
    jobs: 2,
    ...options,
  });
  return result;
}

/** What this process makes of a job by itself. */
export async function searchHere(job: SearchJob): Promise<SearchResult> {
  const profile = findProfile(job.kernel);
  if (profile === undefined) throw new Error('the kernel of a test exists');
  const { guest, cpus, seed } = job;
  const { image } = loadProgram(guest.path);
  const libraryPath = await unicornLibrary();
  const explorer = new Explorer(
    await openTestMachine(),
    {
      ...{ program: { image, args: guest.args, env: guest.env }, profile, vcpus: cpus, seed },
      watching: { openLogging: () => openMachine({ libraryPath, logReads: true }) },
    },
    job.bounds,
  );
  const searching = runSearch(SEARCH_STRATEGIES[job.strategy].open(explorer), () => false);
  for (;;) {
    const { done, value } = searching.next();
    if (done) return value;
  }
}
