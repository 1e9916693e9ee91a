import { beforeAll, expect, test } from 'vitest';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import { isFullRun, matrixCases } from '../../support/matrix.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { correctPrograms } from '../correct-programs.ts';
import { runSettled } from './watched-runs.ts';

const SAMPLE = 12;
const SEEDS = isFullRun ? [1, 2, 3, 4] : [2];
const TICKS = [20, 200, 2000];
/** More than a program is made for: fewer of its tasks share one. */
const MORE_VCPUS = 2;

let machine: Machine;
let again: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  again = openMachine({ libraryPath, logReads: true });
});

test.each(matrixCases(correctPrograms, SAMPLE))(
  '$name: single runs find nothing, on $vcpus vCPUs and more, whatever the tick',
  async ({ file, args, kernel, vcpus }) => {
    for (const cpus of [vcpus, vcpus + MORE_VCPUS]) {
      for (const tick of TICKS) {
        for (const seed of SEEDS) {
          const run = { file, args, kernel, cpus, tick, seed, maxInstructions: 1_000_000 };
          const { findings } = await runSettled(machine, again, run);
          expect(findings, `${cpus} vCPUs, tick ${tick}, seed ${seed}`).toEqual([]);
        }
      }
    }
  },
);
