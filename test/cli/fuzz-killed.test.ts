import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expect, test, vi } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { isFullRun } from '../support/matrix.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';

const KILLS = isFullRun ? 20 : 2;
const MINUTE = 60_000;
vi.setConfig({ testTimeout: 20 * MINUTE });

const launcher = join(projectRoot, 'scripts', 'rseq-testbed.mjs');
const GUEST = join(guestDir, 'counter.bin');
const SEARCH = ['--cpus', '2', '--entries', '1', '--preemptions', '1', '--', '4', '1'];

const random = xoroshiro128plus(1);
const draw = (low: number, high: number): number => uniformInt(random, low, high);

function fuzz(...args: readonly string[]) {
  return execa(process.execPath, [launcher, 'fuzz', ...args], { reject: false });
}

/** A process and all that it started, itself first. */
function familyOf(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    );
    return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
  } catch {
    return [];
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const linesOf = (log: string): string[] =>
  existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];

/** Of a family, the launcher and the process that leads the search come first; workers follow. */
const LEADERS = 2;

/** One to kill; a worker if that is wanted and there is one. */
function victimOf(family: readonly number[], wantsWorker: boolean): number | undefined {
  const workers = family.slice(LEADERS);
  const group = wantsWorker && workers.length > 0 ? workers : family.slice(0, LEADERS);
  return group[draw(0, Math.max(0, group.length - 1))];
}

/** Runs a session until it ends or someone has been killed; returns whether it was the session. */
async function disturb(
  folder: string,
  begun: boolean,
  wantsWorker: boolean,
): Promise<'ended' | 'killed' | 'hurt'> {
  const log = join(folder, 'results.log');
  const before = linesOf(log);
  const running = begun ? fuzz('--resume', folder) : fuzz(GUEST, '--out', folder, ...SEARCH);
  const pid = running.pid ?? 0;
  let hasEnded = false;
  void running.then(() => {
    hasEnded = true;
  });
  const wanted = before.length + draw(0, 3);
  const isUnderWay = (): boolean =>
    linesOf(log).length >= wanted && (!wantsWorker || familyOf(pid).length > LEADERS);
  await vi.waitUntil(() => hasEnded || (existsSync(join(folder, 'job.json')) && isUnderWay()), {
    timeout: 2 * MINUTE,
    interval: 20,
  });
  await setTimeout(draw(0, 300));
  const family = familyOf(pid);
  const victim = victimOf(family, wantsWorker);
  if (hasEnded || victim === undefined) {
    await running;
    return 'ended';
  }
  process.kill(victim, 'SIGKILL');
  const isWorker = family.indexOf(victim) >= LEADERS;
  const { exitCode, stderr } = await running;
  // The search goes on without a worker.
  if (isWorker) expect(exitCode, stderr).toBe(0);
  await vi.waitUntil(() => !family.some(isAlive), { timeout: MINUTE, interval: 20 });
  expect(linesOf(log).slice(0, before.length)).toEqual(before);
  return isWorker ? 'hurt' : 'killed';
}

test(`${KILLS} kills at random moments lose no result`, async () => {
  const folder = join(await temporaryFolder(), 'campaign');
  const reportOf = (text: string): object => ({ ...JSON.parse(text), seconds: 0 });
  const undisturbed = await fuzz(GUEST, '--json', '-', ...SEARCH);
  expect(undisturbed.exitCode).toBe(0);
  let begun = false;
  const killed = { leaders: 0, workers: 0 };
  for (let kills = 0; kills < KILLS; ) {
    const what = await disturb(folder, begun, kills % 2 === 1);
    if (what !== 'ended') kills++;
    if (what === 'hurt') killed.workers++;
    else if (what === 'killed') killed.leaders++;
    begun = existsSync(join(folder, 'job.json'));
    if (what === 'killed' && kills < KILLS) continue;
    const resumed = await fuzz('--resume', folder, '--json', '-');
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(reportOf(resumed.stdout)).toEqual(reportOf(undisturbed.stdout));
    await rm(folder, { recursive: true });
    begun = false;
  }
  expect(Math.min(killed.leaders, killed.workers)).toBeGreaterThanOrEqual(KILLS / 4);
});
