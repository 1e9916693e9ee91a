import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { runCommand } from './capture.ts';

const counter = join(guestDir, 'counter.bin');
const SMALL = ['--quiet', '--json', '-', '--', '2', '3'];

/** The command that repeats a run, which names every setting that arrived. */
async function arrived(...options: readonly string[]): Promise<string> {
  const { status, stdout } = await runCommand('emulate', counter, ...options, ...SMALL);
  expect(status).toBe(0);
  return JSON.parse(stdout).replayCommand;
}

describe('a list given one by one', () => {
  it.each([
    ['--env', 'A=1', 'B=2', 'A=3'],
    ['--signal', 'WINCH', 'URG@2', 'CHLD'],
  ])('%s keeps all of it, in its order', async (option, ...values) => {
    const words = values.flatMap((value) => [option, value]);
    expect(await arrived(...words)).toContain(words.join(' '));
  });

  it('takes one word each: what follows is the file', async () => {
    const words = ['--env', 'A=1', '--env=B=2', '--quiet', '--signal', 'WINCH'];
    expect(await runCommand('emulate', ...words, counter, '--', '2', '3')).toEqual({
      status: 0,
      stdout: 'counter: 2 tasks x 3 = 6 ok\n',
      stderr: '',
    });
  });

  it('is looked at as a whole', async () => {
    for (const verb of ['emulate', 'fuzz']) {
      const { status, stderr } = await runCommand(verb, counter, '--env', 'A', '--env', 'B=2');
      expect({ verb, status, stderr }).toEqual({
        verb,
        status: 125,
        stderr: 'rseq-testbed: --env takes NAME=VALUE, not "A"\n',
      });
    }
  });
});

describe('what is no list given twice is one line and 125', () => {
  it.each([
    ['seed is given more than once: 1, 2', 'emulate', [counter, '--seed', '1', '--seed', '2']],
    ['json is given more than once: a, a', 'emulate', [counter, '--json', 'a', '--json', 'a']],
    [
      'save-schedule is given more than once: a, b',
      'emulate',
      [counter, '--save-schedule', 'a', '--save-schedule=b'],
    ],
    ['cpus is given more than once: 1, 2', 'fuzz', [counter, '--cpus', '1', '--cpus', '2']],
    ['json is given more than once: b, c', 'replay', ['a', '--json', 'b', '--json', 'c']],
    [
      'format is given more than once: json, text',
      'check',
      [counter, '--format', 'json', '--format', 'text'],
    ],
    ['workload is given more than once: a, b', 'compare', ['--workload', 'a', '--workload', 'b']],
  ])('--%s', async (line, verb, argv) => {
    expect(await runCommand(verb, ...argv)).toEqual({
      status: 125,
      stdout: '',
      stderr: `rseq-testbed: --${line}\n`,
    });
  });
});

it.each([
  ['--quiet=maybe', '--quiet takes no value, not "maybe"'],
  ['--escalate=1', '--escalate takes no value, not "1"'],
])('%s is one line and 125', async (word, line) => {
  expect(await runCommand('emulate', counter, word)).toEqual({
    status: 125,
    stdout: '',
    stderr: `rseq-testbed: ${line}\n`,
  });
});

it('a file without a name is said to be that', async () => {
  expect(await runCommand('emulate', '')).toEqual({
    status: 125,
    stdout: '',
    stderr: 'rseq-testbed: "": no such file\n',
  });
});

it('a flag may be given twice: the last one counts', async () => {
  expect(await arrived('--no-escalate', '--escalate')).not.toContain('--no-escalate');
  expect(await arrived('--escalate', '--no-escalate')).toContain('--no-escalate');
});
