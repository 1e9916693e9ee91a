import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { SEARCH_STRATEGIES } from '../../../emulator/explore/search/registry.ts';
import { runSearch } from '../../../emulator/explore/search/run-search.ts';
import { EMPTY_TALLY, type Tally } from '../../../emulator/explore/search/tally.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { unicornLibrary } from '../../support/unicorn.ts';

const SIGUSR1 = 10;

let machine: Machine;
let logging: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  logging = openMachine({ libraryPath, logReads: true });
});

function search(file: string, signals: readonly number[], preemptions: number): Tally {
  const program = { image: loadProgram(join(guestDir, file)).image, args: [], env: [] };
  const watching = { openLogging: () => logging };
  const searched = { program, profile: LINUX_6_18, vcpus: 1, seed: 1, watching };
  const explorer = new Explorer(machine, searched, {
    ...{ preemptions, entries: 1, instructions: 1_000_000, runs: 0, seed: 1, depth: 1 },
    signals: signals.map((signal) => ({ signal, task: undefined })),
  });
  let tally = EMPTY_TALLY;
  for (tally of runSearch(SEARCH_STRATEGIES.exhaustive.open(explorer), () => false));
  return tally;
}

test('a search that may send a signal names what only a signal brings about', () => {
  const { findings } = search('rules/run/r18-nested.bin', [SIGUSR1], 1);
  expect(findings.map(({ finding }) => finding.rule)).toContain('R18');
});

test.each([
  ['without the signal', 'rules/run/r18-nested.bin', []],
  ['in the fixed program', 'rules/run/r18-nested-fixed.bin', [SIGUSR1]],
])('%s there is nothing', (_, file, signals) => {
  const { findings, failure } = search(file, signals, 1);
  expect(findings).toEqual([]);
  expect(failure).toBeUndefined();
});
