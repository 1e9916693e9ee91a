import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { runCommand } from './capture.ts';

const counter = join(guestDir, 'counter.bin');
const STEP = ['emulate', counter, '--step', '2', '--step-from', 'count_up'];
const ARGS = ['--', '1', '3'];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-step-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The lines of the steps alone. */
function stepLines(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('[2] 0x'));
}

describe('emulate --step', () => {
  it('prints each step with address, symbol, instruction and what became of sections', async () => {
    const { status, stdout, stderr } = await runCommand(...STEP, ...ARGS);
    expect(status).toBe(0);
    expect(stdout).toBe('counter: 1 tasks x 3 = 3 ok\n');
    const lines = stepLines(stderr);
    expect(lines[0]).toMatch(/^\[2\] 0x00[0-9a-f]{6} {2}count_up {2,}mov 0x[0-9a-f]+,%eax$/);
    const entry = /^\[2\] \S+ {2}(count_up\+0x\w+) +cmp %esi,%fs:0x24 +; enters section \1$/;
    expect(lines.filter((line) => entry.test(line))).toHaveLength(3);
    expect(lines.filter((line) => line.endsWith('; commits'))).toHaveLength(3);
    expect(lines.some((line) => /j[a-z]+ 0x[0-9a-f]+ <count_up\+0x[0-9a-f]+>$/.test(line))).toBe(
      true,
    );
  });

  it('shows a section that is skipped as one step', async () => {
    const { status, stderr } = await runCommand(...STEP, '--step-policy', 'key', ...ARGS);
    expect(status).toBe(0);
    const skipped = stepLines(stderr).filter((line) => line.includes('; 6 instructions, enters'));
    expect(skipped).toHaveLength(3);
    expect(skipped.every((line) => line.endsWith(', commits'))).toBe(true);
  });

  it('reports a livelock with status 123, and shows a few attempts only', async () => {
    const { status, stderr } = await runCommand(...STEP, '--step-policy', 'native', ...ARGS);
    expect(status).toBe(123);
    expect(stderr).toContain('livelock: task 2 is aborted again and again in the section');
    expect(stderr).toContain('[2] the same again and again: not shown\n');
    expect(stderr).toMatch(/\[2\] \d{5} steps were not shown\n/);
    expect(stepLines(stderr).length).toBeLessThan(60);
  });

  it('leaves a schedule that replays without a debugger, and a command that does it again', async () => {
    const schedule = join(folder, 'stepped.json');
    const args = ['--step-policy', 'native', '--step-count', '30', '--save-schedule', schedule];
    const first = await runCommand(...STEP, ...args, ...ARGS);
    expect(first.status).toBe(0);
    const replayed = await runCommand('replay', schedule);
    expect(replayed.status).toBe(0);
    const command = /again: npx rseq-testbed (.*)\n/.exec(first.stderr)?.[1] ?? '';
    const again = await runCommand(...command.split(' '));
    expect(again.stderr).toBe(first.stderr);
    expect(await readFile(schedule, 'utf8')).toContain('"kind": "exit"');
  });

  it('is in the JSON outcome', async () => {
    const args = ['--step-policy', 'key', '--step-count', '9', '--quiet', '--json', '-'];
    const { stdout } = await runCommand(...STEP, ...args, ...ARGS);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: { kind: 'exit', status: 0 },
      stepping: { task: 2, policy: 'key', steps: 9 },
    });
  });

  it('says so when the task was never met', async () => {
    const { status, stderr } = await runCommand('emulate', counter, '--step', '9', ...ARGS);
    expect(status).toBe(0);
    expect(stderr).toContain('task 9 was never met: nothing was stepped\n');
  });

  it('is quiet about everything but the steps with --quiet', async () => {
    const { stderr } = await runCommand(...STEP, '--step-count', '2', '--quiet', ...ARGS);
    expect(stderr.split('\n')).toHaveLength(3);
  });

  it('tells a program without any table to step by', async () => {
    const bare = join(folder, 'bare.bin');
    await writeFile(bare, await readFile(counter));
    const { status, stderr } = await runCommand(
      'emulate',
      bare,
      '--step',
      '1',
      '--step-policy',
      'key',
    );
    expect(status).toBe(125);
    expect(stderr).toMatch(/has neither __rseq_keys nor __rseq_cs to find exits of sections by\n$/);
  });

  it.each([
    [['--step', '0'], '--step takes a whole number'],
    [['--step', '1', '--step-policy', 'magic'], '"magic": there is transparent, '],
    [['--step', '1', '--step-from', 'nowhere'], 'has no such symbol, and it is no address'],
    [['--step', '1', '--step-count', '0'], '--step-count takes a whole number'],
    [['--step-policy', 'key'], '--step-policy needs --step TASK'],
    [['--step-others'], '--step-others needs --step TASK'],
  ])('refuses %j in one line', async (args, message) => {
    const { status, stderr } = await runCommand('emulate', counter, ...args);
    expect(status).toBe(125);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
