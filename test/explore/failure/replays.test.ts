import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Bug } from '../../../emulator/regress/bug-index.ts';
import { kernelOf } from '../../../emulator/regress/row.ts';
import { bugs } from '../../bugs/bug-files.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { openTestMachine } from '../../machine/rig.ts';
import { isFullRun, matrixCases } from '../../support/matrix.ts';
import { projectRoot, temporaryFolder } from '../../support/project.ts';
import { searchAll, TEST_BOUNDS } from './searched.ts';

const REPLAYS = isFullRun ? 100 : 10;
const SAMPLE = 4;
const SAMPLE_OF_PROCESSES = 2;
const TIMEOUT_MS = 120_000;
/** As fuzz has it: a hang is a run of this length. */
const INSTRUCTIONS = 1_000_000;

const launcher = join(projectRoot, 'scripts', 'rseq-testbed.mjs');
const casesOf = (count: number) => matrixCases(bugs, count).map((bug) => [bug.id, bug] as const);

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

describe(`what the search finds replays ${REPLAYS} of ${REPLAYS} times`, () => {
  test.each(casesOf(SAMPLE))(
    '%s',
    (_, bug) => {
      const searched = searchedBug(bug);
      const { failure } = searchAll(
        new Explorer(machine, searched, {
          ...TEST_BOUNDS,
          ...{ instructions: INSTRUCTIONS, entries: 2 },
          preemptions: Math.max(1, bug.interruptions),
          signals: bug.signals.map((signal) => ({ signal, task: undefined })),
        }),
      ).tally;
      expect(failure).toBeDefined();
      if (failure === undefined) return;
      const hashes = new Set<string>();
      for (let i = 0; i < REPLAYS; i++) {
        machine.boot({
          ...searched,
          maxInstructions: INSTRUCTIONS,
          strategy: new ReplayStrategy(failure.decisions),
          output: () => {},
        });
        expect(machine.runToEnd()).toEqual(failure.outcome);
        hashes.add(machine.stateHash());
      }
      expect(hashes.size).toBe(1);
    },
    TIMEOUT_MS,
  );
});

describe('what fuzz saves replays in a process of its own', () => {
  test.each(casesOf(SAMPLE_OF_PROCESSES))(
    '%s',
    async (_, bug) => {
      const file = join(await temporaryFolder(), 'failure.json');
      const signals = bug.signals.flatMap((signal) => ['--signal', String(signal)]);
      const options = ['--kernel', bug.kernel, '--cpus', String(bug.vcpus), ...signals];
      const path = join(guestDir, bug.buggy.bin.path);
      const found = await run('fuzz', path, ...options, '--save-schedule', file, '--json', '-');
      expect(found.exitCode, found.stderr).toBe(1);
      const again = await run('replay', file, '--json', '-');
      expect(again.exitCode, again.stderr).toBe(1);
      expect(JSON.parse(again.stdout).outcome).toEqual(JSON.parse(found.stdout).failure.outcome);
    },
    TIMEOUT_MS,
  );
});

function searchedBug({ buggy, args, kernel, vcpus }: Bug) {
  const { image } = loadProgram(join(guestDir, buggy.bin.path));
  return { program: { image, args, env: [] }, profile: kernelOf(kernel), vcpus, seed: 1 };
}

function run(...args: readonly string[]) {
  return execa(process.execPath, [launcher, ...args], { reject: false, cwd: projectRoot });
}
