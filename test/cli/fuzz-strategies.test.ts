import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { describe, expect, test, vi } from 'vitest';
import { SEARCH_STRATEGIES } from '../../emulator/explore/search/registry.ts';
import { guestDir } from '../guest/guest-files.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';

vi.setConfig({ testTimeout: 120_000 });

const launcher = join(projectRoot, 'scripts', 'rseq-testbed.mjs');
const SMALL = ['--cpus', '1', '--entries', '1', '--preemptions', '1', '--runs', '200'];
const GUEST_ARGS = ['--', '2', '1'];

function start(cwd: string, guest: string, options: readonly string[]) {
  const args = [join(guestDir, guest), ...SMALL, '--json', '-', ...options, ...GUEST_ARGS];
  return execa(process.execPath, [launcher, 'fuzz', ...args], { reject: false, cwd });
}

async function fuzz(guest: string, ...options: readonly string[]) {
  const { exitCode, stdout, stderr } = await start(await temporaryFolder(), guest, options);
  const verdict = /^ {2}verdict: (.*)$/m.exec(stderr)?.[1];
  return { status: exitCode, report: JSON.parse(stdout), stderr, verdict };
}

/** What each says of a guest that is right: what it has tried, with its bound. */
const PASSES: Readonly<Record<string, string>> = {
  exhaustive:
    'pass, exhaustive for up to 1 interruption before these instructions, in the first entry of ' +
    'each by each task',
  'preemption-bound':
    'pass, exhaustive for up to 1 interruption before these instructions, in the first entry of ' +
    'each by each task, and every choice where a task waits',
  'delay-bound':
    'pass, exhaustive for up to 1 delay before these instructions, in the first entry of each by ' +
    'each task, and where a task waits',
  pct: 'pass, none of 200 schedules fails; others were not tried',
  random: 'pass, none of 200 schedules fails; others were not tried',
};

describe.each(Object.entries(PASSES))('%s', (strategy, pass) => {
  test('says of a compiled guest what it has tried', async () => {
    const { status, report, verdict } = await fuzz('counter.bin', '--strategy', strategy);
    expect({ status, verdict }).toEqual({ status: 0, verdict: pass });
    expect(report).toMatchObject({ verdict: 'pass', strategy, cuts: {} });
    expect(report.exhaustive).toBe(pass.includes('exhaustive'));
  });

  test('finds what is wrong with one', async () => {
    const { status, report, verdict } = await fuzz(
      'counter-unprotected.bin',
      '--strategy',
      strategy,
    );
    expect({ status, verdict }).toEqual({ status: 1, verdict: 'fail' });
    expect(report.failure.outcome).toEqual({ kind: 'exit', status: 1 });
    expect(report.failure.interruptions.length).toBeGreaterThan(0);
  });
});

test('pct prints the bound of the paper, with its numbers', async () => {
  const { report, stderr } = await fuzz('counter.bin', '--strategy', 'pct', '--depth', '3');
  const { tasks, steps, actions, depth } = report.guarantee;
  expect({ tasks, depth }).toEqual({ tasks: 3, depth: 3 });
  const one = 1 / (tasks * (steps * actions) ** 2);
  const all = 1 - (1 - one) ** 200;
  expect(stderr).toContain(
    `a bug of depth 3 shows in one schedule with a chance of at least ${one.toExponential(1)}, in ` +
      `all of these ${all.toFixed(3)} (3 tasks, ${steps} steps, ${actions} actions)`,
  );
});

describe('dpor, which does not get to its end on a compiled guest', () => {
  test('finds what is wrong with one', async () => {
    const { status, report } = await fuzz('counter-unprotected.bin', '--strategy', 'dpor');
    expect({ status, verdict: report.verdict }).toEqual({ status: 1, verdict: 'fail' });
  });

  test.each([
    ['--time', '2', 'time'],
    ['--schedules', '60', 'schedules'],
  ])('says so after %s %s', async (option, value, stopped) => {
    const { status, report, verdict } = await fuzz(
      'counter.bin',
      ...['--strategy', 'dpor', option, value],
    );
    expect({ status, verdict }).toEqual({
      status: 3,
      verdict: `incomplete: stopped by ${option}; complete for no bound`,
    });
    expect(report).toMatchObject({ verdict: 'incomplete', stopped, bound: { completed: null } });
    if (stopped === 'schedules') expect(report.schedules).toBe(60);
    // What was never interrupted is no row of its table.
    for (const { interruptions } of report.coverage) expect(interruptions).not.toEqual({});
  });

  test('says so after Ctrl-C', async () => {
    const running = start(await temporaryFolder(), 'counter.bin', ['--strategy', 'dpor']);
    await setTimeout(5000);
    running.kill('SIGINT');
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'incomplete', stopped: 'interrupt' });
    expect(stderr).toContain('verdict: incomplete: interrupted; complete for no bound');
  });
});

test('schedules that are cut short leave nothing complete that they belong to', async () => {
  const { status, report, verdict } = await fuzz('counter.bin', '--max-instructions', '1940');
  expect(status).toBe(3);
  expect(verdict).toMatch(
    /^incomplete: \d+ schedules cut short; complete for up to 0 interruptions before these/,
  );
  expect(report).toMatchObject({ verdict: 'incomplete', bound: { completed: 0 } });
  expect(report.timedOut).toBeGreaterThan(0);
});

test('each strategy is tried here', () => {
  const others = ['dpor', 'replay'];
  expect([...Object.keys(PASSES), ...others].toSorted()).toEqual(
    Object.keys(SEARCH_STRATEGIES).toSorted(),
  );
});
