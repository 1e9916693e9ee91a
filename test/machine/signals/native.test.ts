import { isDeepStrictEqual } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { ScheduleView, Strategy } from '../../../emulator/machine/strategy.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import { isFullRun } from '../../support/matrix.ts';
import { defaultStrategy, openTestMachine } from '../rig.ts';
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
/** Schedules that take the CPU away in many places, as a busy kernel may, also for nobody's sake. */
const DISTURBED = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89].flatMap((tick) =>
  [1, 2, 3].map((seed) => ({ vcpus: 1, tick, seed })),
);
const STATUS_NO_SUCH_SCENARIO = 99;
/** How often the kernel has to show what the model does, in how many runs. */
const [ENOUGH, ATTEMPTS] = isFullRun ? [3, 30] : [2, 20];

/** Ends each slice with a reschedule, though nobody else may be there to run. */
class Rescheduling implements Strategy {
  readonly #inner: Strategy;
  #due: Decision | undefined;

  constructor(setting: { readonly seed: number; readonly tick: number }) {
    this.#inner = defaultStrategy(setting);
  }

  next(view: ScheduleView): Decision {
    const due = this.#due;
    this.#due = undefined;
    if (due?.kind === 'switch' && view.state.vcpus[due.vcpu]?.current === due.task) return due;
    const decision = this.#inner.next(view);
    if (decision.kind === 'run') {
      const task = view.state.vcpus[decision.vcpu]?.current ?? 0;
      this.#due = { kind: 'switch', vcpu: decision.vcpu, task };
    }
    return decision;
  }

  choose(point: ChoicePoint): number {
    return this.#inner.choose(point);
  }
}

/** Native runs of a scenario: how many showed what the model does, and the others. */
interface NativeRuns {
  readonly same: number;
  readonly others: readonly Shown[];
}

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
  { source: 'membarriers.c', settings: SETTINGS },
  // A reschedule would look at their descriptors too.
  { source: 'sections.c', settings: [UNDISTURBED] },
];
/** Those that nothing but a lost CPU can change: no wait that may come too late. */
const UNTIMED = ['sections.c'];

test.for(sources)(
  '$source shows the same on the kernel of this machine and in the model',
  { timeout: 240_000 },
  async ({ source, settings }, context) => {
    context.skip(process.platform !== 'linux' || process.arch !== 'x64', 'needs Linux on x86-64');
    const path = await compileScenarios(context, source);
    const scenarios = await scenariosOf(source);
    expect(scenarios.length).toBeGreaterThan(1);
    for (const scenario of scenarios) {
      const program = scenarioProgram(path, scenario);
      const run = (setting: typeof UNDISTURBED) => runModelled(machine, { program, ...setting });
      const [modelled = run(UNDISTURBED), ...more] = settings.map(run);
      for (const each of more) expect({ scenario, ...each }).toEqual({ scenario, ...modelled });
      const { same, others } = await runOften(path, scenario, modelled);
      if (others.length === 0) continue;
      const legal = DISTURBED.flatMap((setting) => [
        run(setting),
        runModelled(machine, { program, ...setting, strategy: new Rescheduling(setting) }),
      ]);
      const late = others.filter((other) => !legal.some((it) => isDeepStrictEqual(it, other)));
      // Waits may end too late on a busy machine, though not as a rule.
      if (late.length >= (UNTIMED.includes(source) ? 1 : same)) {
        expect({ scenario, ...modelled }).toEqual({ scenario, ...late[0] });
      }
    }
  },
);

/** Runs a scenario natively until it has often enough shown what the model does; what else it showed. */
async function runOften(path: string, scenario: string, modelled: Shown): Promise<NativeRuns> {
  const others: Shown[] = [];
  let same = 0;
  while (same < ENOUGH && same + others.length < ATTEMPTS) {
    const native = await runNatively(path, scenario);
    expect(native.status).not.toBe(STATUS_NO_SUCH_SCENARIO);
    if (isDeepStrictEqual(native, modelled)) same++;
    else others.push(native);
  }
  if (same < ENOUGH) expect({ scenario, ...modelled }).toEqual({ scenario, ...others.at(-1) });
  return { same, others };
}

test('a task rescheduled in the handler of a lost area ends without having told', async (context) => {
  const program = scenarioProgram(await compileScenarios(context, 'sections.c'), 'area-lost');
  const shown = DISTURBED.map((setting) =>
    runModelled(machine, { program, ...setting, strategy: new Rescheduling(setting) }),
  );
  expect(shown).toContainEqual({ lines: ['register 0'], status: 139 });
});
