import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { runUntil, type StepPolicyKind, type SteppedTask } from '../../emulator/stepping/policy.ts';
import { STEP_POLICIES } from '../../emulator/stepping/registry.ts';
import { openTestMachine } from '../machine/rig.ts';
import { type Observation, observe, STEP_POLICY_CONTRACT } from './contract.ts';

const RULES = Object.entries(STEP_POLICY_CONTRACT);

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

describe.each(Object.entries<StepPolicyKind>(STEP_POLICIES))('%s', (_, kind) => {
  let seen: readonly Observation[];

  beforeAll(() => {
    seen = observe(machine, kind);
  });

  test.each(RULES)('%s', (_rule, check) => seen.forEach(check));
});

function wrong(step: (task: SteppedTask) => void): StepPolicyKind {
  return { summary: 'wrong', make: () => ({ step }) };
}

let calls = 0;
const WRONG: Readonly<Record<string, StepPolicyKind>> = {
  'stands still now and then': wrong((task) => {
    if (calls++ % 5 > 0) task.retire();
  }),
  'does not stop before the task ends': wrong((task) => runUntil(task, () => false)),
  'passes over instructions outside of sections': wrong((task) => {
    task.retire();
    task.retire();
  }),
};

describe('a policy breaks a rule if it', () => {
  test.each(Object.entries(WRONG))('%s', (_, kind) => {
    const seen = observe(machine, kind);
    const broken = RULES.filter(([, check]) => {
      try {
        seen.forEach(check);
        return false;
      } catch {
        return true;
      }
    });
    expect(broken.map(([name]) => name)).not.toEqual([]);
  });
});
