import { basename, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { isFullRun } from '../support/matrix.ts';
import { guestDir, isForMainline, isUnprotected, readManifest } from './guest-files.ts';
import { findPinning, runNatively, whyNotNative } from './native.ts';

const repetitions = isFullRun ? 5 : 2;
const runsTimeoutMilliseconds = 120_000;
/** A rerun with this many times the default COUNT, so that a pinned run is preempted often. */
const pinnedFactor = 100;

const manifest = await readManifest();
const obstacle = await whyNotNative();
const protectedGuests = manifest.guests.filter((guest) => !isUnprotected(guest));
const guests = protectedGuests.filter(isForMainline);

describe.each(guests.map((guest) => [guest.name, guest] as const))('%s natively', (_, guest) => {
  const elf = join(guestDir, guest.files.elf.path);
  const [tasks = '', count = ''] = guest.args;
  const program = basename(guest.source, '.c');

  beforeEach((context) => {
    if (obstacle !== undefined) {
      context.skip(obstacle);
    }
  });

  test(
    'ends as the manifest expects, by default and with the default arguments',
    async () => {
      for (let repetition = 0; repetition < repetitions; repetition += 1) {
        for (const args of [[], guest.args]) {
          const { status, stdout, stderr } = await runNatively(elf, args);
          expect({ kind: 'exit', status, stdout }, stderr).toEqual(guest.expected);
          expect(stderr).toBe('');
        }
      }
    },
    runsTimeoutMilliseconds,
  );

  test(
    'holds when all its threads share one CPU',
    async (context) => {
      const pinning = await findPinning();
      if (pinning.kind === 'none') {
        context.skip(pinning.reason);
        return;
      }
      const many = String(Number(count) * pinnedFactor);
      const args = [...pinning.args, elf, tasks, many];
      for (let repetition = 0; repetition < repetitions; repetition += 1) {
        const run = await runNatively(pinning.file, args);
        expect(run).toMatchObject({ status: 0, stderr: '' });
        expect(run.stdout).toMatch(new RegExp(`^${program}: ${tasks} tasks x ${many} .*ok\n$`));
      }
    },
    runsTimeoutMilliseconds,
  );

  test('holds with one task and with as many as it takes', async () => {
    for (const args of [
      ['1', '1'],
      ['64', '3'],
    ]) {
      expect(await runNatively(elf, args)).toMatchObject({ status: 0, stderr: '' });
    }
  });

  test('answers wrong arguments with one line and status 2', async () => {
    for (const args of [['0'], ['65'], ['x'], ['-1'], [''], ['1', '0'], ['1', '1', '1']]) {
      const { status, stdout, stderr } = await runNatively(elf, args);
      expect({ status, stdout }, args.join(' ')).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^usage: ${program} \\[TASKS .*\n$`));
    }
  });
});

describe('a guest of a scheme that no kernel has today', () => {
  test.each(
    protectedGuests
      .filter((guest) => !isForMainline(guest))
      .map((guest) => [guest.name, guest] as const),
  )('%s says so natively and ends with status 3', async (_, guest) => {
    const run = await runNatively(join(guestDir, guest.files.elf.path), []);
    const stderr = `${guest.kernel}: this kernel does not have the scheme\n`;
    expect(run).toEqual({ status: 3, stdout: '', stderr });
  });
});
