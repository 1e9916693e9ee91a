import { beforeAll, describe, expect, test } from 'vitest';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { ScheduleView, Strategy } from '../../../emulator/machine/strategy.ts';
import type { ChoicePoint } from '../../../kernel-model/sched/decision.ts';
import { defaultStrategy, openTestMachine, runToEnd } from '../../machine/rig.ts';
import { STRATEGY_CONTRACT, type StrategyMaker } from './contract.ts';

const RULES = Object.entries(STRATEGY_CONTRACT);

/** Every strategy that there is. */
const STRATEGIES: Readonly<Record<string, StrategyMaker>> = {
  default: (_, run) => defaultStrategy(run),
  'default, without growing slices': (_, run) => defaultStrategy({ ...run, escalate: false }),
  replay: (machine, run) => new ReplayStrategy(runToEnd(machine, run).decisions),
};

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

describe.each(Object.entries(STRATEGIES))('%s', (_, make) => {
  test.each(RULES)('%s', (_rule, check) => check(machine, make));
});

/** The default strategy, but for one mistake. */
function mistaken(mistake: (good: Strategy) => Partial<Strategy>): StrategyMaker {
  return (_, run) => {
    const good = defaultStrategy(run);
    return {
      next: (view) => good.next(view),
      choose: (point) => good.choose(point),
      ...mistake(good),
    };
  };
}

let calls = 0;
const WRONG: Readonly<Record<string, StrategyMaker>> = {
  'takes a task off a queue while it looks': mistaken((good) => ({
    next(view: ScheduleView) {
      const decision = good.next(view);
      for (const { queue } of view.state.vcpus) queue.reverse();
      return decision;
    },
  })),
  'runs an idle vCPU': mistaken((good) => ({
    next(view: ScheduleView) {
      const idle = view.state.vcpus.find(({ current }) => current === 0);
      return idle ? { kind: 'run', vcpu: idle.id, instructions: 1 } : good.next(view);
    },
  })),
  'gives slices of no length': mistaken((good) => ({
    next(view: ScheduleView) {
      const decision = good.next(view);
      return decision.kind === 'run' ? { ...decision, instructions: 0 } : decision;
    },
  })),
  'answers with what is no candidate': mistaken(() => ({
    choose: ({ candidates }: ChoicePoint) => candidates.length,
  })),
  'remembers other runs': mistaken((good) => ({
    next(view: ScheduleView) {
      calls++;
      const decision = good.next(view);
      if (decision.kind !== 'run') return decision;
      return { ...decision, instructions: 1 + (calls % 13) };
    },
  })),
};

describe('a strategy breaks a rule if it', () => {
  test.each(Object.entries(WRONG))('%s', (_, make) => {
    const broken = RULES.filter(([, check]) => {
      try {
        check(machine, make);
        return false;
      } catch {
        return true;
      }
    });
    expect(broken.map(([name]) => name)).not.toEqual([]);
  });
});
