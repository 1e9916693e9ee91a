import { join } from 'node:path';
import { DefaultStrategy } from '../../emulator/explore/strategies/default.ts';
import { loadProgram } from '../../emulator/loader/load.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { RunValidators } from '../../emulator/validate/dynamic/run-validators.ts';
import { assert } from '../../kernel-model/assert.ts';
import { LINUX_6_18 } from '../../kernel-model/rseq/linux-6.18.ts';
import { type Row, timed } from './measure.ts';

const TASKS = '4';
const INCREMENTS = '2000';
const VCPUS = 2;
const MAX_INSTRUCTIONS = 10_000_000;
const NS_PER_MS = 1e6;

/** Whole runs in which nothing is found, beside the same runs without validators (not beside C). */
function validatorsRow(tickInstructions: number): Row {
  return {
    name: `counter ${TASKS} ${INCREMENTS} under validators, slices of ${tickInstructions}`,
    unit: 'ms',
    value: (ns) => ns / NS_PER_MS,
    prepare: async ({ libraryPath, projectRoot }) => {
      const machine = openMachine({ libraryPath });
      const { image } = loadProgram(join(projectRoot, 'guest', 'counter.bin'));
      const run = (isWatched: boolean): void => {
        const watcher = new RunValidators(machine, image, LINUX_6_18);
        machine.boot({
          program: { image, args: [TASKS, INCREMENTS], env: [] },
          profile: LINUX_6_18,
          vcpus: VCPUS,
          seed: 1,
          maxInstructions: MAX_INSTRUCTIONS,
          strategy: new DefaultStrategy({ seed: 1, tickInstructions, escalate: true }),
          output: () => {},
          ...(isWatched && { watcher }),
        });
        const outcome = machine.runToEnd();
        assert(outcome.kind === 'exit' && outcome.status === 0, 'a right guest');
      };
      const side = (isWatched: boolean) =>
        timed((iterations) => {
          for (let i = 0; i < iterations; i++) run(isWatched);
        });
      return { ours: side(true), reference: side(false) };
    },
  };
}

/** Rows about what the validators cost. */
export const VALIDATOR_ROWS: readonly Row[] = [20, 200, 10_000].map(validatorsRow);
