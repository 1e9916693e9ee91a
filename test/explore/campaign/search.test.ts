import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { CampaignFolder } from '../../../emulator/explore/campaign/folder.ts';
import { forkWorker } from '../../../emulator/explore/campaign/worker-link.ts';
import type { SearchResult } from '../../../emulator/explore/search/run-search.ts';
import { isFullRun } from '../../support/matrix.ts';
import { temporaryFolder } from '../../support/project.ts';
import { jobFor, searchHere, searchWith } from './rig.ts';

const PASSING = jobFor('counter.bin', ['2', '1']);
const FAILING = jobFor('counter-unprotected.bin', ['2', '2']);
// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

/** The unit of PASSING with most schedules. */
const BIG_UNIT = 7;

function send(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) throw new Error('a worker has a process');
  process.kill(pid, signal);
}

let passing: SearchResult;
beforeAll(async () => {
  passing = await searchHere(PASSING);
  expect(passing.verdict).toBe('pass');
});

describe('worker processes come to what one process comes to by itself', () => {
  test.each(isFullRun ? [1, 2, 3, 8] : [3])('%i of them', async (jobs) => {
    expect(await searchWith(PASSING, { jobs })).toEqual(passing);
  });

  test.each(isFullRun ? [1, 2, 3, 8] : [2])('%i of them, with a failure', async (jobs) => {
    const result = await searchWith(FAILING, { jobs });
    expect(result).toEqual(await searchHere(FAILING));
    expect(result).toMatchObject({ verdict: 'fail', tally: { failure: { interruptions: [{}] } } });
  });

  test.each([
    ['r27-effect-then-exit', ['R27', 'R12']],
    ['r28-foreign-reset', ['R28']],
  ])('with what validators find in %s', async (name, rules) => {
    const job = jobFor(`rules/run/${name}.bin`, [], {}, 2);
    const result = await searchHere(job);
    expect(await searchWith(job, { jobs: 3 })).toEqual(result);
    expect(result).toMatchObject({ verdict: 'fail', tally: { failure: undefined } });
    expect(result.tally.findings.map(({ finding }) => finding.rule)).toEqual(rules);
  });

  test('with a bound of schedules, wherever it is', async () => {
    const results = await Promise.all(
      (isFullRun ? [1, 3] : [1, 2]).map((jobs) => searchWith(PASSING, { jobs, schedules: 100 })),
    );
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.verdict).toBe('incomplete');
    expect(results[0]?.tally.schedules).toBeGreaterThanOrEqual(100);
    expect(results[0]?.tally.schedules).toBeLessThan(passing.tally.schedules);
  });
});

describe('a worker that crashes', () => {
  test('loses nothing: its unit is explored again', async () => {
    const toKill = new Set([1, BIG_UNIT, passing.plan.units.length - 1]);
    const onAssign = (index: number, pid: number | undefined): void => {
      if (toKill.delete(index)) send(pid, 'SIGSEGV');
    };
    expect(await searchWith(PASSING, { onAssign })).toEqual(passing);
    expect(toKill.size).toBe(0);
  });

  test('twice at the same unit sets that aside: the verdict is incomplete', async () => {
    const onAssign = (index: number, pid: number | undefined): void => {
      if (index === BIG_UNIT) send(pid, 'SIGSEGV');
    };
    const result = await searchWith(PASSING, { onAssign });
    expect(result).toMatchObject({
      verdict: 'incomplete',
      completedStages: 1,
      setAside: [{ unit: passing.plan.units[BIG_UNIT], reasons: ['SIGSEGV', 'SIGSEGV'] }],
    });
    expect(result.tally.schedules).toBeLessThan(passing.tally.schedules);
    expect(result.tally.schedules).toBeGreaterThan(0);
  });

  test('while it starts loses nothing: another one takes its place', async () => {
    const startWorker = forkWorker(false);
    let starts = 0;
    const result = await searchWith(PASSING, {
      jobs: 2,
      startWorker: (events) => {
        starts++;
        const link = startWorker(events);
        if (starts === 1) link.kill();
        return link;
      },
    });
    expect(result).toEqual(passing);
    expect(starts).toBe(3);
  });

  test('before the search has begun, again and again, is said in one line', async () => {
    await expect(
      searchWith(PASSING, {
        startWorker: ({ onExit }) => {
          setImmediate(() => onExit('SIGSEGV'));
          return { pid: undefined, send: () => {}, kill: () => {} };
        },
      }),
    ).rejects.toMatchObject({
      code: 'engine-crashed',
      message: 'the engine crashed (SIGSEGV); this is no verdict on the guest',
    });
  });

  test('or hangs is ended, and its unit is explored again', async () => {
    let stopped: number | undefined;
    const onAssign = (_: number, pid: number | undefined): void => {
      if (stopped === undefined) send(pid, 'SIGSTOP');
      stopped ??= pid;
    };
    expect(await searchWith(PASSING, { onAssign, secondsSilentMax: 6 })).toEqual(passing);
  });
});

describe('a search that is stopped', () => {
  test('before it began knows nothing', async () => {
    const result = await searchWith(PASSING, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ verdict: 'incomplete', tally: { schedules: 0 } });
  });

  test('goes on where it was, with what its folder holds', async () => {
    const path = join(await temporaryFolder(), 'campaign');
    const controller = new AbortController();
    const before: number[] = [];
    const stopped = await searchWith(PASSING, {
      folder: CampaignFolder.create(path, PASSING),
      jobs: 1,
      signal: controller.signal,
      onAssign: (index) => {
        before.push(index);
        if (index === BIG_UNIT) controller.abort();
      },
    });
    expect(stopped.verdict).toBe('incomplete');
    const after: number[] = [];
    const onAssign = (index: number): number => after.push(index);
    expect(await searchWith(PASSING, { folder: CampaignFolder.open(path), onAssign })).toEqual(
      passing,
    );
    // A worker may be through with it before it hears that it is to stop.
    const [first = 0] = after;
    expect([BIG_UNIT, BIG_UNIT + 1]).toContain(first);
    expect(after).not.toContain(before[0]);
    const again = await searchWith(PASSING, { folder: CampaignFolder.open(path), onAssign });
    expect(again).toEqual(passing);
    expect(after, JSON.stringify({ before, after })).toHaveLength(
      passing.plan.units.length - first,
    );
  });

  test('is not taken up by a program that plans it otherwise', async () => {
    const path = join(await temporaryFolder(), 'campaign');
    const folder = CampaignFolder.create(path, PASSING);
    folder.begin({ units: [], boundaries: [], leftOut: [] }, 'unicorn 2.0.1');
    folder.close();
    await expect(searchWith(PASSING, { folder: CampaignFolder.open(path) })).rejects.toMatchObject({
      code: 'checkpoint-other-plan',
    });
  });
});

test('a guest that has changed since is refused', async () => {
  const job = { ...PASSING, guest: { ...PASSING.guest, sha256: '0'.repeat(64) } };
  await expect(searchWith(job)).rejects.toMatchObject({ code: 'guest-changed' });
});
