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

const SETTINGS = [
  { vcpus: 1, tick: 1000, seed: 1 },
  { vcpus: 2, tick: 20, seed: 2 },
] as const;
const STATUS_NO_SUCH_SCENARIO = 99;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

const sources = ['delivery.c', 'frames.c', 'faults.c', 'processes.c'];

test.for(sources)(
  '%s shows the same on the kernel of this machine and in the model',
  { timeout: 120_000 },
  async (source, context) => {
    context.skip(process.platform !== 'linux' || process.arch !== 'x64', 'needs Linux on x86-64');
    const path = await compileScenarios(context, source);
    const scenarios = await scenariosOf(source);
    expect(scenarios.length).toBeGreaterThan(5);
    const native: Record<string, Shown> = {};
    for (const scenario of scenarios) native[scenario] = await runNatively(path, scenario);
    for (const { status } of Object.values(native)) {
      expect(status).not.toBe(STATUS_NO_SUCH_SCENARIO);
    }
    for (const setting of SETTINGS) {
      const modelled: Record<string, Shown> = {};
      for (const scenario of scenarios) {
        const program = scenarioProgram(path, scenario);
        modelled[scenario] = runModelled(machine, { program, ...setting });
      }
      expect(modelled).toEqual(native);
    }
  },
);
