import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { runCommand } from './capture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-compare-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a workload under two kernels: rows, claims and a table', async () => {
  const json = join(folder, 'out.json');
  const command = ['compare', '--workload', 'list', '--kernels', 'lutomirski-2016,7.1'];
  const { status, stdout, stderr } = await runCommand(...command, '--json', json);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Uninterrupted list, .*\nkernel +instructions/);
  expect(stdout).toMatch(/\nC3 {2}holds {2}lutomirski-2016: preemption itself/);
  expect(stdout).toMatch(/\nC9 {2}\? {2}turner-v2: /);
  const report = JSON.parse(await readFile(json, 'utf8'));
  expect(report).toMatchObject({
    schema: { name: 'rseq-testbed/compare', version: 1 },
    workload: 'list',
    rows: [
      { profile: 'lutomirski-2016', guest: { path: 'guest/abi/lutomirski-2016-list.bin' } },
      { profile: 'linux-7.1', guest: { path: 'guest/abi/mainline-list.bin' } },
    ],
  });
  expect(report.claims).toContainEqual(expect.objectContaining({ id: 'C3', holds: true }));
  expect(report.claims).toContainEqual(expect.objectContaining({ id: 'C9', holds: null }));
});

test('one program under two kernels that take it differently', async () => {
  const file = join(guestDir, 'kernel', 'ids.bin');
  const kernels = ['--kernels', '6.18,6.19'];
  const { status, stdout } = await runCommand('compare', file, ...kernels, '--json', '-');
  expect(status).toBe(0);
  const { rows, claims } = JSON.parse(stdout);
  expect(claims).toEqual([]);
  const statuses = rows.map(({ loads }: { loads: { outcome: { status: number } }[] }) => [
    ...new Set(loads.map(({ outcome }) => outcome.status)),
  ]);
  expect(statuses).toEqual([[0], [1]]);
});

describe('mistakes are one line and 125', () => {
  test.each([
    [['x.bin', '--workload', 'list'], 'compare takes a FILE or --workload, not both'],
    [['x.bin'], 'compare FILE needs --kernels A,B'],
    [['--workload', 'tree'], '--workload takes counter, list, long-section, not "tree"'],
    [['--kernels', '6.18,'], '--kernel "": there is '],
    [['--', '4'], 'a workload takes no arguments'],
  ])('%j', async (args, message) => {
    const { status, stdout, stderr } = await runCommand('compare', ...args);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toMatch(/^rseq-testbed: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});
