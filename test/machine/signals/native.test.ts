import { isDeepStrictEqual } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openTestMachine } from '../rig.ts';
import {
  compileScenarios,
  runModelled,
  runNatively,
  type Shown,
  scenarioProgram,
  scenariosOf,
} from './programs.ts';

const UNDISTURBED = { vcpus: 1, tick: 100_000, seed: 1 };
const SETTINGS = [UNDISTURBED, { vcpus: 2, tick: 20, seed: 2 }];
const STATUS_NO_SUCH_SCENARIO = 99;
const ATTEMPTS = 4;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

const sources = [
  { source: 'delivery.c', settings: SETTINGS },
  { source: 'frames.c', settings: SETTINGS },
  { source: 'faults.c', settings: SETTINGS },
  { source: 'threads.c', settings: SETTINGS },
  { source: 'processes.c', settings: SETTINGS },
  // A reschedule would look at their descriptors too, and at others than a real kernel's.
  { source: 'sections.c', settings: [UNDISTURBED] },
];

test.for(sources)(
  '$source shows the same on the kernel of this machine and in the model',
  { timeout: 120_000 },
  async ({ source, settings }, context) => {
    context.skip(process.platform !== 'linux' || process.arch !== 'x64', 'needs Linux on x86-64');
    const path = await compileScenarios(context, source);
    const scenarios = await scenariosOf(source);
    expect(scenarios.length).toBeGreaterThan(5);
    for (const scenario of scenarios) {
      const modelled = settings.map((setting) =>
        runModelled(machine, { program: scenarioProgram(path, scenario), ...setting }),
      );
      const native = await findNativeRun(path, scenario, modelled);
      for (const each of modelled) expect({ scenario, ...each }).toEqual({ scenario, ...native });
    }
  },
);

/**
 * A native run that shows what the model does, or the last one: what a busy machine does in between,
 * such as taking the CPU away inside a section, is no difference.
 */
async function findNativeRun(
  path: string,
  scenario: string,
  modelled: readonly Shown[],
): Promise<Shown> {
  for (let attempt = 1; ; attempt++) {
    const native = await runNatively(path, scenario);
    expect(native.status).not.toBe(STATUS_NO_SUCH_SCENARIO);
    const isSame = modelled.every((each) => isDeepStrictEqual(each, native));
    if (isSame || attempt === ATTEMPTS) return native;
  }
}
