import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { bootOrdered, type MadeRun } from '../../../emulator/explore/ordered-run.ts';
import { Rehearsal } from '../../../emulator/explore/rehearsal.ts';
import { ReplayStrategy } from '../../../emulator/explore/strategies/replay.ts';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { openMachine } from '../../../emulator/machine/open.ts';
import type { Overlap } from '../../../emulator/validate/dynamic/ordering/overlaps.ts';
import type { Finding } from '../../../emulator/validate/finding.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { bugs } from '../../bugs/bug-files.ts';
import { guestDir } from '../../guest/guest-files.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { bootWatched, rulesOf, runSettled, runWatched } from './watched-runs.ts';

const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1);
const TICKS = [20, 200];

let machine: Machine;
let again: Machine;
beforeAll(async () => {
  const libraryPath = await unicornLibrary();
  machine = openMachine({ libraryPath });
  again = openMachine({ libraryPath, logReads: true });
});

/** What a schedule spared, by a second look at it. */
function lookAgain(name: string, seed: number): { made: MadeRun; overlaps: readonly Overlap[] } {
  const file = `rules/run/${name}.bin`;
  bootWatched(machine, { file, seed });
  machine.runToEnd();
  const { image } = loadProgram(join(guestDir, file));
  const made = {
    program: { image, args: [], env: [] },
    ...{ profile: LINUX_6_18, vcpus: 2, seed, maxInstructions: 10_000_000 },
    decisions: machine.decisions,
  };
  const { validators, ordering } = bootOrdered(again, made);
  again.runToEnd();
  expect(validators.findings).toEqual([]);
  return { made, overlaps: ordering.overlaps };
}

function rehearse(
  made: MadeRun,
  overlaps: readonly Overlap[],
  known: readonly Finding[] = [],
): readonly Finding[] {
  const rehearsal = new Rehearsal(again, { ...made, overlaps, known });
  while (rehearsal.step() === undefined);
  return rehearsal.findings;
}

/** The schedules that were tried, each as far as it came. */
function triedWhile(work: () => void): readonly (readonly Decision[])[] {
  const tried: Decision[][] = [];
  const goBack = again.restore.bind(again);
  const spy = vi.spyOn(again, 'restore').mockImplementation((snapshot) => {
    tried.push(again.decisions);
    goBack(snapshot);
  });
  work();
  spy.mockRestore();
  return tried;
}

describe('a store that the schedule spared', () => {
  test('is named at its place in the run, by a schedule that plays again', () => {
    const { made, overlaps } = lookAgain('r28-taken-over', 1);
    let found: readonly Finding[] = [];
    const tried = triedWhile(() => {
      found = rehearse(made, overlaps);
    });
    expect(found.map(({ rule, task }) => ({ rule, task }))).toEqual([{ rule: 'R28', task: 1 }]);
    const overlap = overlaps.find(({ instruction }) => instruction === found[0]?.address);
    expect(found[0]?.position).toEqual(overlap?.position);
    expect(found[0]?.message).toMatch(/^had task 1 come to main\+0x\w+ .*: an update is lost$/);
    const strategy = new ReplayStrategy(tried.at(-1) ?? []);
    const watcher = bootWatched(machine, { file: 'rules/run/r28-taken-over.bin', strategy });
    while (machine.decisionCount < (tried.at(-1)?.length ?? 0)) machine.step();
    expect(rulesOf(watcher.findings)).toEqual(['R28']);
    expect(rehearse(made, overlaps, found)).toEqual([]);
  });

  test.each(SEEDS)('leaves the run as it was: schedule %i', (seed) => {
    const { made, overlaps } = lookAgain('r28-taken-over', seed);
    rehearse(made, overlaps);
    again.runToEnd();
    expect(again.stateHash()).toBe(machine.stateHash());
    expect(again.instructions).toBe(machine.instructions);
  });

  test.each(['r28-taken-over-fixed', 'r28-taken-over-ready', 'r28-taken-over-empty'])(
    'of %s only looks like one: to report it untried would be a false alarm',
    (name) => {
      const looks = SEEDS.map((seed) => lookAgain(name, seed));
      expect(looks.some(({ overlaps }) => overlaps.length > 0)).toBe(true);
      for (const { made, overlaps } of looks.slice(0, 3)) {
        expect(rehearse(made, overlaps)).toEqual([]);
      }
    },
  );

  test.each(['r28-taken-over-mutex', 'r28-taken-over-join'])(
    'is not even suspected where %s orders it',
    (name) => {
      for (const seed of SEEDS) expect(lookAgain(name, seed).overlaps).toEqual([]);
    },
  );
});

describe('under many schedules of the default scheduler', () => {
  const concerned = bugs.filter(({ id }) => /^(s13|s14|b1|b2)-/.test(id));

  async function share(bug: (typeof bugs)[number], twin: 'buggy' | 'fixed'): Promise<number> {
    let named = 0;
    for (const tick of TICKS) {
      for (const seed of SEEDS) {
        const run = { file: bug[twin].bin.path, cpus: bug.vcpus, seed, tick };
        const { findings } = await runSettled(machine, again, run);
        if (findings.some(({ rule }) => rule === bug.rule)) named++;
        if (twin === 'fixed') expect(findings, `tick ${tick}, seed ${seed}`).toEqual([]);
      }
    }
    return named / (TICKS.length * SEEDS.length);
  }

  test.each(concerned)('most single runs of $id name $rule', async (bug) => {
    expect(await share(bug, 'buggy')).toBeGreaterThan(0.5);
  });

  test.each(concerned)('none of $id, fixed, names anything', async (bug) => {
    expect(await share(bug, 'fixed')).toBe(0);
  });
});

test('the first look alone does not name it', () => {
  const { findings } = runWatched(machine, { file: 'rules/run/r28-taken-over.bin' });
  expect(findings).toEqual([]);
});
