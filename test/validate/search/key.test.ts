import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Explorer } from '../../../emulator/explore/search/explorer.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { unicornLibrary } from '../../support/unicorn.ts';

const POINTS = 600;
const INTERRUPTED_MAX = 12;

let machine: Machine;
let other: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  other = openMachine({ libraryPath });
});

function explorerOf(file: string, opened: Machine, isWatched: boolean): Explorer {
  const program = { image: loadProgram(join(guestDir, file)).image, args: [], env: [] };
  const watching = { openLogging: () => openMachine({ libraryPath: '' }) };
  return new Explorer(
    opened,
    { program, profile: LINUX_6_18, vcpus: 1, seed: 1, ...(isWatched && { watching }) },
    {
      ...{ preemptions: 1, entries: 2, instructions: 100_000 },
      ...{ signals: [], runs: 0, seed: 1, depth: 1 },
    },
  );
}

/** Keys of a run's first states, whose `interrupted`-th instruction in a section is interrupted. */
function keysAlong(explorer: Explorer, interrupted: number): number[] {
  const keys: number[] = [];
  let insideSoFar = 0;
  explorer.start();
  for (let i = 0; i < POINTS; i++) {
    const point = explorer.here();
    if (point === undefined) break;
    keys.push(explorer.key());
    if (explorer.isInside(point) && ++insideSoFar === interrupted) {
      const spurious = explorer.movesAt(point)[0];
      if (spurious !== undefined) explorer.make(spurious);
    } else explorer.step(point);
  }
  return keys;
}

function hasOtherKeysWatched(file: string): boolean {
  const watched = explorerOf(file, machine, true);
  const alone = explorerOf(file, other, false);
  for (let interrupted = 1; interrupted <= INTERRUPTED_MAX; interrupted++) {
    const keys = keysAlong(watched, interrupted);
    const expected = keysAlong(alone, interrupted);
    expect(keys.length).toBe(expected.length);
    if (keys.some((key, index) => key !== expected[index])) return true;
  }
  return false;
}

test('what validators remember of an aborted section tells states apart', () => {
  expect(hasOtherKeysWatched('rules/run/r12-early-store.bin')).toBe(true);
});

test('where a program keeps to the rules they tell nothing apart', () => {
  expect(hasOtherKeysWatched('rules/run/r12-early-store-fixed.bin')).toBe(false);
});
