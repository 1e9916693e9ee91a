import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { compile } from '../../loader/compile.ts';
import { openTestMachine } from '../rig.ts';
import { runModelled, runNatively } from './programs.ts';

const source = { file: join(import.meta.dirname, 'libc.c') };
const STATUS_ABORTED = 134;

let machine: Machine;

beforeAll(async () => {
  machine = await openTestMachine();
});

test('a static program of the C library has its handlers, threads and processes', async (context) => {
  const path = await compile(context, source, ['-O1', '-static', '-pthread']);
  const { image } = loadProgram(path);
  for (const seed of [1, 2, 3]) {
    const program = { image, args: [], env: [] };
    const shown = runModelled(machine, { program, vcpus: 2, tick: 50 * seed, seed });
    expect(shown).toEqual({ lines: ['child'], status: STATUS_ABORTED });
  }
  if (process.platform === 'linux' && process.arch === 'x64') {
    expect(await runNatively(path, '')).toEqual({ lines: ['child'], status: STATUS_ABORTED });
  }
});
