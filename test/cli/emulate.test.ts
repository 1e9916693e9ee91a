import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { runCommand } from './capture.ts';

const counter = join(guestDir, 'counter.bin');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('emulate', () => {
  it('passes the guest through, and sums the run up on stderr', async () => {
    const { status, stdout, stderr } = await runCommand('emulate', counter);
    expect(status).toBe(0);
    expect(stdout).toBe('counter: 4 tasks x 200 = 800 ok\n');
    expect(stderr).toMatch(/2 vCPUs, kernel linux-6\.18, unicorn 2\.\S+, memory model: SC\n/);
    expect(stderr).toMatch(/5 tasks, \d+ instructions, \d+ preemptions, \d+ migrations\n/);
    expect(stderr).toMatch(/sections: \d+ entered, 800 committed, [1-9]\d* aborted, \d+ exited\n/);
    expect(stderr).toMatch(/aborted at: count_up\+0x/);
    expect(stderr).toMatch(/result: exit status 0\n/);
  });

  it('prints nothing of its own with --quiet', async () => {
    expect(await runCommand('emulate', counter, '--quiet', '--', '2', '3')).toEqual({
      status: 0,
      stdout: 'counter: 2 tasks x 3 = 6 ok\n',
      stderr: '',
    });
  });

  it('has the status of a guest that fails, and the same again from its own command', async () => {
    const unprotected = join(guestDir, 'counter-unprotected.bin');
    const first = await runCommand('emulate', unprotected, '--tick', '50');
    expect(first.status).toBe(1);
    const command = /again: npx rseq-testbed (.*)\n/.exec(first.stderr)?.[1] ?? '';
    const again = await runCommand(...command.split(' '));
    expect(again).toEqual(first);
  });

  it('writes the outcome as JSON, with at least the keys of the contract', async () => {
    const { stdout, stderr } = await runCommand('emulate', counter, '--json', '-', '--seed', '7');
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      schema: { name: 'rseq-testbed/run', version: 1 },
      guest: { path: counter, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      engine: expect.stringMatching(/^unicorn 2\./),
      kernel: 'linux-6.18',
      cpus: 2,
      seed: 7,
      tick: 200,
      outcome: { kind: 'exit', status: 0 },
      instructions: expect.any(Number),
      preemptions: expect.any(Number),
      migrations: expect.any(Number),
      signals: 0,
      sections: { committed: 800 },
      findings: [],
      stateHash: expect.stringMatching(/^[0-9a-f]{16}$/),
      replayCommand: expect.stringContaining('--seed 7'),
    });
    const { entered, committed, aborted, exited, inFlight } = report.sections;
    expect(entered).toBe(committed + aborted + exited + inFlight);
    expect(stderr).toContain('counter: 4 tasks');
  });

  it('reports a livelock with status 123', async () => {
    const args = ['--no-escalate', '--tick', '3', '--cpus', '1', '--', '3', '20'];
    const { status, stderr } = await runCommand('emulate', counter, ...args);
    expect(status).toBe(123);
    expect(stderr).toMatch(/livelock: task \d+ is aborted again and again .* count_up\+0x/);
  });

  it('ends at the instruction budget with status 124', async () => {
    const { status, stderr } = await runCommand('emulate', counter, '--max-instructions', '1000');
    expect(status).toBe(124);
    expect(stderr).toContain('not finished after 1000 instructions');
  });

  it('traces system calls', async () => {
    const { stderr } = await runCommand('emulate', counter, '--strace', '--', '2', '3');
    expect(stderr).toMatch(/^\[100\] rseq\(0x[0-9a-f]+, 32, 0x0, 0x53053053\) = 0$/m);
    expect(stderr).toMatch(/^\[100\] clone\(.*\) = 101$/m);
  });

  it('gives the guest its environment and refuses what is not a setting', async () => {
    expect((await runCommand('emulate', counter, '--env', 'A=1', '--', '2', '3')).status).toBe(0);
    expect(await runCommand('emulate', counter, '--env', 'A')).toEqual({
      status: 125,
      stdout: '',
      stderr: 'rseq-testbed: --env takes NAME=VALUE, not "A"\n',
    });
  });

  const refused: readonly (readonly [what: string, argv: readonly string[], line: RegExp])[] = [
    ['no file', [], /^rseq-testbed: emulate needs a FILE/],
    ['a missing file', ['no-such-file'], /no-such-file: no such file\n$/],
    ['a directory', [guestDir], /a directory, not a program\n$/],
    [
      'an unknown option',
      [counter, '--bogus'],
      /there is no option --bogus; emulate --help lists them\n$/,
    ],
    ['a second file', [counter, 'other'], /does not take "other"; .* after --: .* -- other\n$/],
    ['a short option', [counter, '-x'], /there is no option -x; emulate --help lists them\n$/],
    ['an option without value', [counter, '--cpus'], /--cpus needs a value\n$/],
    ['too many vCPUs', [counter, '--cpus', '65'], /--cpus takes a whole number from 1 to 64/],
    ['a negative tick', [counter, '--tick=-1'], /--tick takes a whole number from 1/],
    ['a fractional seed', [counter, '--seed', '1.5'], /--seed takes a whole number/],
    ['a kernel without rseq', [counter, '--kernel', '4.17'], /rseq came with Linux 4\.18 /],
    ['an option it lacks', [counter, '--kernel', '6.3+x'], /linux-6\.3 has the options \+debug\n$/],
    [
      'an unknown kernel',
      [counter, '--kernel', 'linux-next'],
      /there is .*linux-4\.18, .*linux-6\.18, .* any version from 4\.18 on\n$/,
    ],
    [
      'an output folder that is missing',
      [counter, '--json', 'no/such/x'],
      /cannot write no\/such\/x/,
    ],
  ];
  for (const [what, argv, line] of refused) {
    it(`refuses ${what} with one line and 125`, async () => {
      const { status, stdout, stderr } = await runCommand('emulate', ...argv);
      expect({ status, stdout, lines: stderr.split('\n').length }).toEqual({
        status: 125,
        stdout: '',
        lines: 2,
      });
      expect(stderr).toMatch(line);
    });
  }
});

describe('replay', () => {
  const record = async (name: string, ...args: string[]) => {
    const path = join(folder, name);
    await runCommand('emulate', '--quiet', '--save-schedule', path, ...args);
    return path;
  };

  it('reproduces a recorded pass with status 0, a recorded failure with status 1', async () => {
    const pass = await record('pass.json', counter, '--seed', '5', '--cpus', '3');
    const unprotected = join(guestDir, 'counter-unprotected.bin');
    const failure = await record('failure.json', unprotected, '--tick', '50');
    expect(await runCommand('replay', pass)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^rseq-testbed: reproduced: exit status 0, state hash /),
    });
    expect(await runCommand('replay', failure)).toMatchObject({ status: 1 });
  });

  it('takes the printed word too', async () => {
    const args = [counter, '--quiet', '--print-schedule', '--', '2', '3'];
    const { stderr } = await runCommand('emulate', ...args);
    expect(stderr).toMatch(/^rseq1:[\w-]+\n$/);
    expect(await runCommand('replay', stderr.trim())).toMatchObject({ status: 0 });
  });

  it('tells when the run diverges, with status 2', async () => {
    const path = await record('diverging.json', counter, '--', '2', '3');
    const schedule = JSON.parse(await readFile(path, 'utf8'));
    schedule.stateHash = '0123456789abcdef';
    await writeFile(path, JSON.stringify(schedule));
    const { status, stderr } = await runCommand('replay', path);
    expect(status).toBe(2);
    expect(stderr).toMatch(/diverged: state hash \w{16}; recorded: 0123456789abcdef/);
    schedule.decisions = schedule.decisions.split(' ').slice(0, -3).join(' ');
    await writeFile(path, JSON.stringify(schedule));
    expect(await runCommand('replay', path)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('the schedule ends after'),
    });
  });

  it('refuses another guest unless forced', async () => {
    const path = await record('other.json', counter, '--', '2', '3');
    const other = join(guestDir, 'list.bin');
    expect(await runCommand('replay', path, '--guest', other)).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('is not the guest of this schedule'),
    });
    expect((await runCommand('replay', path, '--guest', other, '--force')).status).toBe(2);
  });

  it('refuses a file with any one field broken, in one line that names it', async () => {
    const path = await record('whole.json', counter, '--', '2', '3');
    const whole = JSON.parse(await readFile(path, 'utf8'));
    const broken = join(folder, 'broken.json');
    for (const field of Object.keys(whole)) {
      await writeFile(broken, JSON.stringify({ ...whole, [field]: ['broken'] }));
      const { status, stderr } = await runCommand('replay', broken);
      expect({ field, status, lines: stderr.split('\n').length }).toEqual({
        field,
        status: 125,
        lines: 2,
      });
      expect(stderr).toContain(`not a schedule: ${field}`);
    }
  });

  it.each([
    ['{}', 'schema is missing'],
    ['[1', 'not JSON'],
    ['7', 'the whole takes an object, not 7'],
  ])('says of %s what is wrong with it', async (text, message) => {
    const broken = join(folder, 'broken.json');
    await writeFile(broken, text);
    expect(await runCommand('replay', broken)).toEqual({
      status: 125,
      stdout: '',
      stderr: `rseq-testbed: ${broken}: not a schedule: ${message}\n`,
    });
  });
});
