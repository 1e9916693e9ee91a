import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { DefaultStrategy } from '../../../emulator/explore/strategies/default.ts';
import { HeldStrategy } from '../../../emulator/explore/strategies/held.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { Strategy } from '../../../emulator/machine/strategy.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { openTestMachine } from '../../machine/rig.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await openTestMachine();
});

function boot(strategy: Strategy): void {
  machine.boot({
    program: {
      image: loadProgram(join(guestDir, 'counter.bin')).image,
      args: ['3', '5'],
      env: [],
    },
    ...{ profile: LINUX_6_18, vcpus: 2, seed: 1, maxInstructions: 1_000_000, strategy },
    output: () => {},
  });
}

test('a run that is held anywhere, also where choices come up, stops there and ends as it did', () => {
  boot(new DefaultStrategy({ seed: 3, tickInstructions: 100, escalate: true }));
  /** Of each decision that runs: where its first instruction is, and how many there are. */
  const runs: { decision: number; before: number; retired: number }[] = [];
  while (machine.outcome === undefined) {
    const [decision, before] = [machine.decisionCount, machine.instructions];
    machine.step();
    const retired = machine.instructions - before;
    if (retired > 0) runs.push({ decision, before, retired });
  }
  const { decisions } = machine;
  const hash = machine.stateHash();
  const withChoices = runs.filter(({ decision }) => decisions[decision + 1]?.kind === 'place');
  expect(withChoices.length).toBeGreaterThan(1);
  for (const { decision, before, retired } of [...withChoices, ...runs.slice(5, 15)]) {
    const third = Math.ceil(retired / 3);
    for (const at of new Set([1, 2, third, 2 * third, retired].filter((n) => n <= retired))) {
      const strategy = new HeldStrategy(decisions);
      strategy.holdBefore({ decision, instructions: at });
      boot(strategy);
      while (!strategy.isHeld) expect(machine.step()).toBeUndefined();
      expect(machine.instructions).toBe(before + at - 1);
      if (at < retired) strategy.holdBefore({ decision, instructions: at + 1 });
      while (at < retired && !strategy.isHeld) machine.step();
      machine.runToEnd();
      expect(machine.stateHash()).toBe(hash);
    }
  }
});
