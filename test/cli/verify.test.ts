import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { runCommand } from './capture.ts';

const folder = mkdtempSync(join(tmpdir(), 'rseq-testbed-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string): string => join(folder, name);

const FIXED = join(guestDir, 'bugs', 's1-end-early-fixed.bin');
const BUGGY = join(guestDir, 'bugs', 's1-end-early.bin');
const FUZZ = ['--cpus', '1', '--preemptions', '1', '--jobs', '1', '--entries', '1'];

describe('a search that passes', () => {
  const certificate = inFolder('certificate.json');
  beforeAll(async () => {
    const files = ['--certificate', certificate, '--junit', inFolder('junit.xml')];
    const { status, stdout, stderr } = await runCommand(
      'fuzz',
      FIXED,
      ...FUZZ,
      ...files,
      '--tap',
      '-',
    );
    expect([status, stderr]).toEqual([0, expect.stringContaining('exhaustive for up to 1')]);
    expect(stderr).toMatch(/^ {4}work\+0x3f +inside +\d+ +\d+$/m);
    expect(stderr).toContain('memory model: SC');
    expect(stdout).toMatch(/^TAP version 13\n1\.\.1\nok 1 - /);
    expect(readFileSync(inFolder('junit.xml'), 'utf8')).toContain('tests="1" failures="0"');
  }, 60_000);

  test('has a certificate that holds', async () => {
    const { status, stderr } = await runCommand('verify', certificate);
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^rseq-testbed: holds: /)]);
  });

  test('whose every claim is checked', async () => {
    const claims = JSON.parse(readFileSync(certificate, 'utf8'));
    claims.total.schedules++;
    writeFileSync(inFolder('edited.json'), JSON.stringify(claims));
    const { status, stdout } = await runCommand(
      'verify',
      inFolder('edited.json'),
      '--quiet',
      '--json',
      '-',
    );
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      schema: { name: 'rseq-testbed/verification', version: 1 },
      holds: false,
      problems: ['total: it is not the sum of the units', 'digest: the content was changed'],
    });
  });

  test('that says nothing about another guest', async () => {
    const { status, stderr } = await runCommand('verify', certificate, '--guest', BUGGY);
    expect([status, stderr]).toEqual([1, expect.stringContaining('is another guest')]);
  });

  test('that is not the certificate of another kernel', async () => {
    const claims = JSON.parse(readFileSync(certificate, 'utf8'));
    claims.job.kernel = 'linux-99';
    writeFileSync(inFolder('kernel.json'), JSON.stringify(claims));
    const { status, stderr } = await runCommand('verify', inFolder('kernel.json'));
    expect([status, stderr]).toEqual([1, expect.stringContaining('job.kernel')]);
  });
});

test('a search that fails is saved, minimised and explained, and has no certificate', async () => {
  const [schedule, certificate] = [inFolder('failure.json'), inFolder('none.json')];
  const { status, stdout, stderr } = await runCommand(
    ...['fuzz', BUGGY, ...FUZZ, '--json', '-'],
    ...['--save-schedule', schedule, '--certificate', certificate],
  );
  expect(status).toBe(1);
  expect(stderr).toContain('no certificate: the verdict is fail');
  const report = JSON.parse(stdout);
  expect(report.failure).toMatchObject({
    outcome: { kind: 'exit', status: 1 },
    scheduleFile: schedule,
    instruction: { symbol: 'work', offset: 0x3f },
    minimised: { isComplete: true },
  });
  expect(report.failure.interruptions).toHaveLength(1);
  const replayed = await runCommand('replay', schedule);
  expect([replayed.status, replayed.stderr]).toEqual([1, expect.stringContaining('reproduced')]);
});

test.each([
  ['missing.json', 'no such file'],
  ['.', 'not a regular file'],
])('%s is no certificate: %s', async (name, why) => {
  const path = inFolder(name);
  const { status, stderr } = await runCommand('verify', path);
  expect([status, stderr]).toEqual([125, `rseq-testbed: ${path}: ${why}\n`]);
});

test.each([
  [
    'a strategy that draws',
    ['fuzz', FIXED, '--strategy', 'random', '--certificate', inFolder('c')],
  ],
  ['no certificate', ['verify']],
  ['a missing file', ['verify', inFolder('missing.json')]],
  ['another kind of file', ['verify', join(guestDir, 'manifest.json')]],
])('%s is a mistake that one line tells', async (_, argv) => {
  const { status, stderr } = await runCommand(...argv);
  expect([status, stderr.trim().split('\n').length]).toEqual([125, 1]);
});
