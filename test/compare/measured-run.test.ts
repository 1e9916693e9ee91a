import { beforeAll, describe, expect, test } from 'vitest';
import { compare } from '../../emulator/compare/compare.ts';
import { runUnderLoad } from '../../emulator/compare/load.ts';
import { bootMeasured, plainScheduler, workloadImage } from '../../emulator/compare/subject.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const LOAD = { vcpus: 2, tasksPerVcpu: 2, tickInstructions: 20 } as const;
const ARGS = ['4', '50'];

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary(), logReads: true });
});

describe.each(['turner-v1', 'lutomirski-2016', 'linux-6.18', 'linux-7.1'] as const)(
  '%s',
  (name) => {
    const profile = PROFILES[name];

    test('measuring changes nothing', () => {
      const image = workloadImage(profile, 'counter');
      const options = {
        profile,
        vcpus: LOAD.vcpus,
        maxInstructions: 100_000,
        strategy: plainScheduler(LOAD.tickInstructions),
      };
      machine.boot({
        ...options,
        program: { image, args: ARGS, env: [] },
        seed: 1,
        output: () => {},
      });
      const plain = { outcome: machine.runToEnd(), hash: machine.stateHash() };
      const strategy = plainScheduler(LOAD.tickInstructions);
      bootMeasured(machine, { ...options, strategy, image, args: ARGS });
      expect({ outcome: machine.runToEnd(), hash: machine.stateHash() }).toEqual(plain);
    });

    test('figures of a load add up', () => {
      const image = workloadImage(profile, 'counter');
      const row = runUnderLoad(machine, { profile, image, args: ARGS }, LOAD);
      const { committed, aborted, refused, left, spurious, moved, conflicts } = row.attempts;
      expect(row.outcome).toEqual({ kind: 'exit', status: 0 });
      expect(committed).toBe(200);
      expect(committed + aborted + refused + left).toBe(row.entered);
      expect(spurious + moved + conflicts).toBe(aborted + refused);
      expect(aborted).toBeGreaterThan(0);
      const { armed, unarmed, stores, bytes } = row.hooks;
      expect(armed.switches + unarmed.switches).toBeGreaterThan(row.preemptions / 2);
      expect(bytes).toBeGreaterThanOrEqual(4 * stores);
    });
  },
);

test('a comparison that is stopped tells what it has measured', async () => {
  const image = workloadImage(PROFILES['linux-6.18'], 'counter');
  const profiles = [PROFILES['linux-6.18'], PROFILES['linux-7.1']];
  const asked: [number, number, string][] = [];
  const report = await compare(
    machine,
    { kind: 'program', image, args: ['2', '5'] },
    profiles,
    async (...progress) => {
      asked.push(progress);
      return progress[0] < 1;
    },
  );
  expect(report.rows.map(({ profile }) => profile)).toEqual(['linux-6.18']);
  expect(asked.slice(0, 2)).toEqual([
    [0, 2, 'linux-6.18'],
    [1, 2, 'linux-7.1'],
  ]);
});
