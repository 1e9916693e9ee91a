import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Bug } from '../../emulator/regress/bug-index.ts';
import { guestDir } from '../guest/guest-files.ts';
import { runNatively, whyNotNative } from '../guest/native.ts';
import { bugs } from './bug-files.ts';

/** Without an interruption at the one place that matters, a bug does not show. */
const TRIES = 5;
const HANG_MS = 1000;

const obstacle = await whyNotNative();

/** Bugs that need no interruption on any kernel. */
function showsAlways({ id }: Bug): boolean {
  return id === 'b16-wrong-operand' || id === 'b19-unregistered';
}

describe('on the kernel of this machine', () => {
  beforeEach((context) => {
    context.skip(obstacle !== undefined, obstacle);
  });

  test.each(bugs.map((bug) => [bug.id, bug] as const))('%s, fixed, ends well', async (_, bug) => {
    expect(await runNatively(join(guestDir, bug.fixed.elf.path), [])).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test.each(bugs.filter((bug) => !showsAlways(bug)).map((bug) => [bug.id, bug] as const))(
    '%s ends well where nothing interrupts it',
    async (_, bug) => {
      const statuses: (number | undefined)[] = [];
      while (statuses.length < TRIES && !statuses.includes(0)) {
        statuses.push((await runNatively(join(guestDir, bug.buggy.elf.path), [])).status);
      }
      expect(statuses).toContain(0);
    },
  );

  test('b16-wrong-operand fails at once', async () => {
    const bug = bugs.find(({ id }) => id === 'b16-wrong-operand');
    const run = await runNatively(join(guestDir, bug?.buggy.elf.path ?? ''), []);
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/^b16-wrong-operand: \d+, expected 2\n$/);
  });

  test('b19-unregistered never ends', async () => {
    const bug = bugs.find(({ id }) => id === 'b19-unregistered');
    const run = await execa(join(guestDir, bug?.buggy.elf.path ?? ''), [], {
      reject: false,
      timeout: HANG_MS,
      killSignal: 'SIGKILL',
    });
    expect(run.timedOut).toBe(true);
  });
});
