import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { SearchBounds } from '../../../emulator/explore/search/bounds.ts';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch } from '../../../emulator/explore/search/run-search.ts';
import { EMPTY_TALLY, type Tally } from '../../../emulator/explore/search/tally.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import { findProfile } from '../../../kernel-model/rseq/resolve.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { isFullRun, matrixCases } from '../../support/matrix.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { type Correct, correctPrograms } from '../correct-programs.ts';

/** A search that comes to so many schedules is not gone on with. */
const SCHEDULES_MAX = isFullRun ? 8000 : 400;
const PREEMPTIONS = isFullRun ? 2 : 1;
const SAMPLE = 10;

const cases = matrixCases(correctPrograms, SAMPLE);

let machine: Machine;
let logging: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  logging = openMachine({ libraryPath, logReads: true });
});

function searchWatched({ file, args, kernel, vcpus, signals }: Correct): Tally {
  const profile = findProfile(kernel);
  if (profile === undefined) throw new Error(`there is no kernel ${kernel}`);
  const bounds: SearchBounds = {
    ...{
      preemptions: PREEMPTIONS,
      entries: 1,
      instructions: 1_000_000,
      runs: 0,
      seed: 1,
      depth: 1,
    },
    signals: signals.map((signal) => ({ signal, task: undefined })),
  };
  const program = { image: loadProgram(join(guestDir, file)).image, args, env: [] };
  const watching = { openLogging: () => logging };
  const explorer = new Explorer(machine, { program, profile, vcpus, seed: 1, watching }, bounds);
  let tally = EMPTY_TALLY;
  const search = SEARCH_STRATEGIES.exhaustive.open(explorer);
  for (tally of runSearch(search, ({ schedules }) => tally.schedules + schedules > SCHEDULES_MAX)) {
    if (tally.schedules > SCHEDULES_MAX) break;
  }
  return tally;
}

test.each(cases)('$name on $vcpus vCPUs: validators find nothing in any schedule', (correct) => {
  const tally = searchWatched(correct);
  expect(tally.findings.map(({ finding }) => finding)).toEqual([]);
  expect(tally.failure).toBeUndefined();
  expect(tally.schedules).toBeGreaterThan(0);
});
