import { beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../emulator/machine/machine.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import type { Outcome } from '../../emulator/machine/outcome.ts';
import type { Bug, BugOutcome } from '../../emulator/regress/bug-index.ts';
import { BruteForce } from '../../scripts/truth/brute-force.ts';
import { bugTrial } from '../../scripts/truth/bug-trial.ts';
import { guestDir } from '../guest/guest-files.ts';
import { isFullRun, matrixCases } from '../support/matrix.ts';
import { unicornLibrary } from '../support/unicorn.ts';
import { bugs } from './bug-files.ts';

/**
 * A fixed program holds under as many interruptions as its twin needs, and at least under one.
 * Brute force over pairs takes minutes a program; the search tries those (npm run regress).
 */
const FIXED_INTERRUPTIONS = 1;
const SAMPLE = 5;
const TIMEOUT_MS = 300_000;

let machine: Machine;
beforeAll(async () => {
  machine = openMachine({ libraryPath: await unicornLibrary() });
});

describe('brute force over every instruction', () => {
  test.each(bugs.map((bug) => [bug.id, bug] as const))(
    '%s needs as many interruptions as the index says',
    (_, bug) => {
      const limits = { interruptions: bug.interruptions, merge: true };
      const truth = new BruteForce(machine, bugTrial(guestDir, bug, 'buggy', limits)).run();
      expect(truth.verdict).toBe('fail');
      expect(truth.breakage?.actions).toHaveLength(bug.interruptions);
      expect(kindOf(truth.breakage?.outcome)).toEqual(bug.outcome);
    },
    TIMEOUT_MS,
  );

  test.each(matrixCases(bugs, SAMPLE).map((bug) => [bug.id, bug] as const))(
    '%s, fixed, holds',
    (_, bug) => {
      const interruptions = Math.max(bug.interruptions, FIXED_INTERRUPTIONS);
      const limits = { interruptions, merge: true };
      const truth = new BruteForce(machine, bugTrial(guestDir, bug, 'fixed', limits)).run();
      expect(truth).toMatchObject({ verdict: 'pass', hung: 0, unsupported: 0 });
      expect(truth.boundaries.size).toBeGreaterThan(8);
    },
    TIMEOUT_MS,
  );

  test.each(matrixCases(needing(isFullRun ? 2 : 1), 4))(
    '%s shows with just the interruptions that the index names',
    (_, bug) => {
      const limits = { interruptions: bug.interruptions, merge: true };
      const trial = { ...bugTrial(guestDir, bug, 'buggy', limits), kinds: new Set(bug.needs) };
      expect(new BruteForce(machine, trial).run().verdict).toBe('fail');
    },
    TIMEOUT_MS,
  );

  test.each(matrixCases(needing(isFullRun ? 2 : 1), 2))(
    '%s: leaving out states that were met before changes nothing',
    (_, bug) => {
      for (const twin of ['buggy', 'fixed'] as const) {
        const [all, merged] = [false, true].map((merge) => {
          const limits = { interruptions: bug.interruptions, merge };
          return new BruteForce(machine, bugTrial(guestDir, bug, twin, limits)).run();
        });
        expect(merged?.verdict).toBe(all?.verdict);
        expect(merged?.breakage?.actions.length).toBe(all?.breakage?.actions.length);
        expect(merged?.boundaries).toEqual(all?.boundaries);
      }
    },
    TIMEOUT_MS,
  );
});

describe('a kernel that keeps its promise', () => {
  test.each([
    ['b7-stale-pointer', 'linux-6.18'],
    ['b7-stale-pointer', 'linux-7.1'],
    ['b8-no-preempt-abort', 'linux-6.19'],
    ['b10-stale-registration', 'linux-6.15'],
    ['s10-abort-inside', 'linux-6.19'],
  ])('%s holds on %s', (id, kernel) => {
    const bug = bugs.find((each) => each.id === id);
    if (bug === undefined) throw new Error(`there is no ${id}`);
    const limits = { interruptions: 1, merge: true };
    const trial = bugTrial(guestDir, { ...bug, kernel }, 'buggy', limits);
    expect(new BruteForce(machine, trial).run()).toMatchObject({ verdict: 'pass', hung: 0 });
  });
});

/** Bugs that need an interruption, and no more than so many. */
function needing(most: number): (readonly [string, Bug])[] {
  return bugs
    .filter(({ interruptions }) => interruptions > 0 && interruptions <= most)
    .map((bug) => [bug.id, bug] as const);
}

/** An outcome as the index gives it. */
function kindOf(outcome: Outcome | undefined): BugOutcome | undefined {
  switch (outcome?.kind) {
    case 'exit':
      return { kind: 'exit', status: outcome.status };
    case 'signal':
      return { kind: 'signal', signal: outcome.signal };
    case 'livelock':
    case 'budget':
      return { kind: outcome.kind };
    default:
      return undefined;
  }
}
