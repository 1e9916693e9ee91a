import { beforeAll, describe, expect, it } from 'vitest';
import { describeState } from '../../emulator/machine/described-state.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { extendKey, StateKeys } from '../../emulator/machine/state-keys.ts';
import { changedLeaf, leavesOf } from '../support/changed-leaf.ts';
import { bootGuest } from '../support/guest-runs.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const STEPS = 60;
/** What a run does not go on by, or, like the time, only where something else tells. */
const IGNORED = /^(now|seed|nextObject|tasks\.\d+\.(abortedSection|abortsInRow))$/;

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
  bootGuest(machine, { guest: 'counter.bin', args: ['3', '50'], tick: 13 });
  for (let i = 0; i < STEPS; i++) machine.step();
});

describe('the key of a state', () => {
  it('changes with any field of the kernel state that matters, as its description does', () => {
    const keys = new StateKeys(machine.memory);
    const { state } = machine.kernel;
    const key = (of = state): number => keys.key(of, [], () => 0);
    const description = (of = state): string =>
      Buffer.from(describeState(of, [], () => new BigUint64Array(0))).toString();
    const before = { key: key(), description: description() };
    const leaves = leavesOf(state).filter((path) => !/^vcpus\.\d+\.id$/.test(path.join('.')));
    expect(leaves.length).toBeGreaterThan(60);
    for (const path of leaves) {
      const changed = changedLeaf(state, path);
      const name = path.join('.');
      const matters = !IGNORED.test(name);
      expect(key(changed) !== before.key, `key, ${name}`).toBe(matters);
      expect(description(changed) !== before.description, `description, ${name}`).toBe(matters);
      expect(key()).toBe(before.key);
    }
  });

  it('changes with what it is extended by', () => {
    const values = [0, 1, 2, 3, 20_000, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 52];
    const keys = [0, 1, 12_345, 2 ** 32, 2 ** 33, 2 ** 53 - 1];
    const extended = keys.flatMap((key) => values.map((value) => extendKey(key, value)));
    expect(new Set(extended).size).toBe(extended.length);
    for (const key of extended) expect(Number.isSafeInteger(key) && key >= 0).toBe(true);
  });
});
