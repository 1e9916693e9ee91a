import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test, vi } from 'vitest';
import { SEARCH_STRATEGIES } from '../../emulator/explore/search/registry.ts';
import { guestDir } from '../guest/guest-files.ts';
import { isFullRun } from '../support/matrix.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';
import { runCommand } from './capture.ts';

vi.setConfig({ testTimeout: 180_000 });

const launcher = join(projectRoot, 'scripts', 'rseq-testbed.mjs');
const counter = join(guestDir, 'counter.bin');
const unprotected = join(guestDir, 'counter-unprotected.bin');
const SMALL = ['--cpus', '1', '--entries', '1', '--preemptions', '1', '--', '2', '1'];
const LONG = ['--cpus', '2', '--preemptions', '3', '--', '4', '2'];

async function fuzz(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [launcher, 'fuzz', ...args], {
    reject: false,
    cwd: await temporaryFolder(),
  });
  return { status: exitCode, stdout, stderr };
}

describe('bad options: one line and status 125', () => {
  test.each([
    [[], /^fuzz needs a FILE, .*, or --resume DIR$/],
    [['missing.bin'], /missing\.bin: no such file$/],
    [[counter, '--strategy', 'best'], /strategy.*exhaustive/],
    [[counter, '--preemptions', '5'], /^--preemptions takes a whole number from 0 to 4, not "5"$/],
    [[counter, '--entries', '0'], /^--entries takes/],
    [[counter, '--jobs', '0'], /^--jobs takes a whole number from 1 to 256/],
    [[counter, '--time', '1.5'], /^--time takes/],
    [[counter, '--schedules', '-1'], /schedules/],
    [[counter, '--signal', 'NONE'], /^--signal takes a signal such as USR1 or USR1@2/],
    [[counter, '--runs', 'x'], /^--runs takes/],
    [[counter, '--depth', '0'], /^--depth takes/],
    [[counter, '--kernel', 'nope'], /^--kernel "nope": there is/],
    [[counter, '--out', 'a', '--resume', 'b'], /^--resume DIR goes on in DIR: it takes no --out$/],
    [['--resume', '/nonexistent/folder'], /^\/nonexistent\/folder holds no campaign$/],
    [[counter, '--out', '/proc/none'], /^cannot write \/proc\/none: ENOENT$/],
    ...['json', 'junit', 'tap', 'certificate', 'save-schedule'].map((option) => [
      [counter, `--${option}`, '/nonexistent/x'],
      /^cannot write \/nonexistent\/x: its folder does not exist$/,
    ]),
    [[counter, '--json', '-', '--tap', '-'], /^--json and --tap both write standard output$/],
    [[counter, '--json', 'x', '--junit', './x'], /^--json and --junit both write \.\/x$/],
    [
      [counter, '--strategy', 'pct', '--certificate', 'x'],
      /^--certificate goes with --strategy exhaustive, not pct$/,
    ],
    [[counter, '--frobnicate'], /^there is no option --frobnicate; fuzz --help lists them$/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    const { status, stdout, stderr } = await runCommand('fuzz', ...args);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toMatch(/^rseq-testbed: [^\n]+\n$/);
    expect(stderr.slice('rseq-testbed: '.length, -1)).toMatch(message);
  });
});

test('what cannot be written is refused before a folder is begun', async () => {
  const folder = join(await temporaryFolder(), 'campaign');
  for (const option of ['--certificate', '--save-schedule', '--junit']) {
    const { status } = await runCommand('fuzz', counter, '--out', folder, option, '/nonexistent/x');
    expect(status).toBe(125);
  }
  expect(existsSync(folder)).toBe(false);
});

test('--help names each option, each strategy and how to go on with a search', async () => {
  const { stdout } = await fuzz('--help');
  const names = Object.keys(SEARCH_STRATEGIES).filter((name) => name !== 'replay');
  for (const name of names) expect(stdout).toContain(`"${name}"`);
  expect(stdout).toMatch(/fuzz guest\/counter\.bin/);
  expect(stdout).toMatch(/fuzz --resume \w+/);
  expect(stdout).toMatch(/--jobs .*\n.*default: all cores/);
});

test('a search that passes says so, as JSON too, and prints nothing else', async () => {
  const { status, stdout, stderr } = await fuzz(counter, '--json', '-', ...SMALL);
  const report = JSON.parse(stdout);
  expect({ status, verdict: report.verdict }).toEqual({ status: 0, verdict: 'pass' });
  expect(report).toMatchObject({
    schema: { name: 'rseq-testbed/search' },
    memoryModel: 'SC',
    strategy: 'exhaustive',
    timedOut: 0,
    setAside: [],
  });
  expect(stderr).toMatch(/verdict: pass, exhaustive for up to 1 interruption/);
  expect(stderr).not.toMatch(/parts|\r/);
});

test('a failure is kept in the folder, replays, and is what a resumed search tells', async () => {
  const folder = join(await temporaryFolder(), 'campaign');
  const failing = await fuzz(unprotected, '--out', folder, '--cpus', '1', '--', '2', '2');
  expect(failing.status).toBe(1);
  const schedule = join(folder, 'failure.json');
  expect(failing.stderr).toContain(`replay ${schedule}`);
  const replayed = await execa(process.execPath, [launcher, 'replay', schedule], { reject: false });
  expect({ status: replayed.exitCode, stderr: replayed.stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^rseq-testbed: reproduced: exit status 1/m),
  });
  const resumed = await fuzz('--resume', folder);
  const withoutTime = (text: string): string => text.replace(/in [\d.]+ s/, '');
  expect(resumed.status).toBe(1);
  expect(withoutTime(resumed.stderr)).toBe(withoutTime(failing.stderr));
});

const ONE = ['--preemptions', '1', '--entries', '1'];
const ruleRun = (name: string) => join(guestDir, 'rules', 'run', `${name}.bin`);

/** Searches in a folder of its own, where its schedules are replayed. */
async function fuzzIn(...args: readonly string[]) {
  const cwd = await temporaryFolder();
  const run = (...words: readonly string[]) =>
    execa(process.execPath, [launcher, ...words], { reject: false, cwd });
  const { exitCode, stderr } = await run('fuzz', '--json', 'report.json', ...args);
  const report = JSON.parse(await readFile(join(cwd, 'report.json'), 'utf8'));
  const replay = ({ replayCommand }: { readonly replayCommand: string }) =>
    run(...replayCommand.split(' ').slice(2), '--json', '-');
  return { status: exitCode, stderr, report, replay, run };
}

test('what validators find fails a search that nothing else fails, and replays', async () => {
  const { status, stderr, report, replay } = await fuzzIn(ruleRun('r27-effect-then-exit'), ...ONE);
  expect(status).toBe(1);
  expect(report).toMatchObject({
    verdict: 'fail',
    failure: {
      outcome: { kind: 'finding', rule: 'R27' },
      interruptions: [],
      instruction: { why: 'breaks a rule' },
    },
    findings: [
      { rule: 'R27', severity: 'error', scheduleFile: 'failure.json' },
      {
        rule: 'R12',
        scheduleFile: 'finding-1.json',
        interruptions: [expect.stringContaining('take_often')],
      },
    ],
  });
  for (const {
    schedules,
    scheduleFile,
    replayCommand,
    interruptions,
    ...finding
  } of report.findings) {
    expect(schedules).toBeGreaterThan(0);
    expect(stderr).toContain(finding.message);
    const replayed = await replay({ replayCommand });
    expect(replayed.exitCode, scheduleFile).toBe(1);
    expect(JSON.parse(replayed.stdout).findings, interruptions).toContainEqual(finding);
  }
});

// Each run that minimising tries is looked at twice.
test.each(isFullRun ? ['r28-foreign-reset'] : [])(
  'the order of accesses in %s is a finding that is minimised and replays',
  async (name) => {
    const { status, stderr, report, replay } = await fuzzIn(ruleRun(name), ...ONE);
    expect(status).toBe(1);
    expect(stderr).toContain('1 interruption (none can be left out)');
    const [finding] = report.findings;
    const replayed = await replay(finding);
    expect(replayed.exitCode).toBe(1);
    expect(JSON.parse(replayed.stdout).findings).toMatchObject([
      { rule: 'R28', message: finding.message },
    ]);
  },
);

test.each(['--junit', '--tap'])('a finding is a failure in the report of %s', async (option) => {
  const { status, stdout } = await fuzz(ruleRun('r25-ids-written'), ...ONE, option, '-');
  expect(status).toBe(1);
  expect(stdout).toMatch(/failures="1"|^not ok 1/m);
  expect(stdout).toContain('R25 ids-not-written');
});

test('warnings of validators leave a pass, each with a schedule that shows it', async () => {
  const args = [ruleRun('r31-call-in-slice'), ...ONE, '--kernel', '7.1', '--cpus', '1'];
  const { status, report, replay } = await fuzzIn(...args);
  expect({ status, verdict: report.verdict }).toEqual({ status: 0, verdict: 'pass' });
  expect(report.findings).toMatchObject([{ rule: 'R31', severity: 'warning' }]);
  const [finding] = report.findings;
  expect(finding.scheduleFile).toBe('finding-1.json');
  const replayed = await replay(finding);
  expect(replayed.exitCode).toBe(0);
  expect(JSON.parse(replayed.stdout).findings).toMatchObject([
    { rule: 'R31', address: finding.address, message: finding.message, position: finding.position },
  ]);
});

test('what a guest does that fails by itself stands beside its failure', async () => {
  const { status, report } = await fuzzIn(unprotected, ...ONE, '--cpus', '1', '--', '2', '1');
  expect(status).toBe(1);
  expect(report).toMatchObject({
    failure: { outcome: { kind: 'exit', status: 1 } },
    findings: [{ rule: 'R18', scheduleFile: 'failure.json' }],
  });
});

test('a folder is not taken up for another search', async () => {
  const folder = join(await temporaryFolder(), 'campaign');
  const out = ['--out', folder, '--schedules', '1'];
  expect((await fuzz(counter, ...out, ...SMALL)).status).toBe(3);
  for (const [args, message] of [
    [[unprotected], 'is not the guest of the search in'],
    [['--kernel', 'linux-4.18'], 'has other --kernel: "linux-6.18"'],
    [['--preemptions', '2'], 'has other --preemptions: 1'],
    [['--signal', 'USR1'], 'has other --signal: []'],
    [['--cpus', '2'], 'has other --cpus: 1'],
    [['--', '2', '2'], 'has other arguments of the guest: ["2","1"]'],
  ] as const) {
    const { status, stderr } = await runCommand('fuzz', '--resume', folder, ...args);
    expect(status, message).toBe(125);
    expect(stderr).toMatch(/^rseq-testbed: [^\n]+\n$/);
    expect(stderr).toContain(message);
  }
  const log = join(folder, 'results.log');
  await writeFile(log, `0 nonsense\n${await readFile(log, 'utf8').catch(() => '')}`);
  const { status, stderr } = await runCommand('fuzz', '--resume', folder);
  expect({ status, stderr }).toEqual({
    status: 125,
    stderr: `rseq-testbed: ${log} line 1 is damaged, or of another version\n`,
  });
});

test('Ctrl-C tells what is known so far, with status 3', async () => {
  const folder = join(await temporaryFolder(), 'campaign');
  const args = [launcher, 'fuzz', counter, '--jobs', '2', '--out', folder, ...LONG];
  const running = execa(process.execPath, args, { reject: false });
  await vi.waitUntil(() => readFile(join(folder, 'results.log')).catch(() => false), {
    timeout: 60_000,
    interval: 100,
  });
  running.kill('SIGINT');
  const { exitCode, stderr } = await running;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 3,
    stderr: expect.stringMatching(/\d+ schedules? in [\s\S]*verdict: incomplete/),
  });
});

test('--time ends a search with what is known then, with status 3', async () => {
  const { status, stderr } = await fuzz(counter, '--time', '2', ...LONG);
  expect({ status, stderr }).toEqual({
    status: 3,
    stderr: expect.stringMatching(/\d+ schedules? in [\s\S]*verdict: incomplete/),
  });
});
