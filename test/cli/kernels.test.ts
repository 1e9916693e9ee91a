import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES } from '../../kernel-model/rseq/registry.ts';
import { guestDir } from '../guest/guest-files.ts';
import { runCommand } from './capture.ts';

describe('kernels', () => {
  it('lists every profile with what distinguishes it', async () => {
    const { status, stdout, stderr } = await runCommand('kernels');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const name of PROFILE_NAMES)
      expect(stdout).toMatch(new RegExp(`^${name}( \\(.*\\))?: `, 'm'));
    expect(stdout).toMatch(/^linux-7\.1 \(7\.1, v7\.1, \+debug, \+documented\): mainline 7\.1/m);
    expect(stdout).toMatch(/^ {2}inferred: /m);
  });

  it('fits a terminal, and tells what a release leaves as it was', async () => {
    const { stdout } = await runCommand('kernels');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const baseOf = async (kernel: string) => {
      const { stdout: one } = await runCommand('kernels', kernel);
      return /otherwise as (.*)$/m.exec(one)?.[1];
    };
    expect(await baseOf('7.1+debug')).toBe('linux-7.0');
    expect(await baseOf('5.15')).toBe('linux-4.18');
    expect(await baseOf('4.18')).toBeUndefined();
    expect(await baseOf('rfc-2017')).toBeUndefined();
    expect(await baseOf('broken-fence-lost')).toBeUndefined();
  });

  it('tells what a version has besides its profile', async () => {
    const { stdout } = await runCommand('kernels', '5.15');
    expect(stdout).toMatch(/^linux-5\.5 .*\n {2}asked for as 5\.15: system calls up to 448\n/);
    expect((await runCommand('kernels', '5.5')).stdout).not.toMatch(/asked for as 5\.5:/);
  });

  it('writes the list as JSON, with the keys that tools may rely on', async () => {
    const { stdout } = await runCommand('kernels', '--json', '-');
    const { schema, profiles } = JSON.parse(stdout);
    expect(schema).toEqual({ name: 'rseq-testbed/kernels', version: 1 });
    expect(profiles.map(({ name }: { name: string }) => name)).toEqual(PROFILE_NAMES);
    for (const profile of profiles) {
      expect(Object.keys(profile)).toEqual(
        expect.arrayContaining(['name', 'era', 'aliases', 'differences', 'sources', 'inferred']),
      );
      expect(profile.differences).not.toEqual([]);
      expect(profile.sources).not.toEqual([]);
    }
  });

  it('tells which profile stands for a version', async () => {
    const { stdout } = await runCommand('kernels', '5.15', '--json', '-');
    expect(JSON.parse(stdout).profiles).toMatchObject([
      { name: 'linux-5.5', selector: '5.15', release: '5.15.0-rseq-testbed' },
    ]);
  });

  it('are recorded with a run as they were asked for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-kernels-'));
    const schedule = join(folder, 'run.json');
    const counter = join(guestDir, 'counter.bin');
    const run = [
      'emulate',
      counter,
      '--kernel',
      '5.15',
      '--json',
      '-',
      '--save-schedule',
      schedule,
    ];
    const { stdout } = await runCommand(...run, '--', '2', '5');
    const report = JSON.parse(stdout);
    expect(report.kernel).toBe('linux-5.5');
    expect(report.replayCommand).toContain('--kernel 5.15');
    expect(JSON.parse(await readFile(schedule, 'utf8')).kernel).toBe('5.15');
    expect(await runCommand('replay', schedule)).toMatchObject({ status: 0 });
    await rm(folder, { recursive: true });
  });

  it('warns in one line of a version that is newer than what is modelled', async () => {
    const { status, stderr } = await runCommand('kernels', '31.4');
    expect(status).toBe(0);
    expect(stderr).toMatch(/^rseq-testbed: --kernel 31\.4 is newer .*: linux-7\.1 it is\n$/);
  });

  it.each([
    ['4.9', /rseq came with Linux 4\.18 .*: turner-v1, .*rfc-2017\n$/],
    ['6.18+nothing', /linux-6\.18 has the options \+debug\n$/],
    ['broken-fence-lost+debug', /broken-fence-lost has no options\n$/],
    ['windows', /there is turner-v1, .* or any version from 4\.18 on\n$/],
  ])('refuses %s with one line and 125', async (kernel, line) => {
    const { status, stdout, stderr } = await runCommand('kernels', kernel);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toMatch(line);
    expect(stderr.split('\n')).toHaveLength(2);
  });
});
