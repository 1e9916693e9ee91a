import { mkdtemp, rm } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { syscallName } from '../../../kernel-model/abi/syscall-numbers.ts';
import { isFullRun } from '../../support/matrix.ts';
import { NATIVE_CASES } from './native-cases.ts';
import { randomScript } from './random-script.ts';
import { runOnModel, type ScriptResult, stepsOf } from './script.ts';

/** The first kernel with every membarrier command that the scripts use. */
const firstKernel = { major: 6, minor: 3 };
const randomRuns = isFullRun ? 1000 : 60;

let folder = '';
let obstacle: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-syscalls-'));
  obstacle = whyNotNative() ?? (await build());
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach((context) => {
  if (obstacle !== undefined) context.skip(obstacle);
});

function whyNotNative(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const isNewEnough =
    major > firstKernel.major || (major === firstKernel.major && minor >= firstKernel.minor);
  return isNewEnough ? undefined : `this kernel is older than 6.3: ${release()}`;
}

async function build(): Promise<string | undefined> {
  const source = join(import.meta.dirname, 'script.c');
  const options = ['-O1', '-Wall', '-Wextra', '-Werror', '-o', join(folder, 'script')];
  const result = await execa('gcc', [...options, source], { reject: false });
  if (result.code === 'ENOENT') return 'there is no gcc to build a program with';
  if (result.failed) throw new Error(result.stderr);
  return undefined;
}

async function runNatively(script: string): Promise<ScriptResult[]> {
  const steps = stepsOf(script);
  const { stdout } = await execa(join(folder, 'script'), { input: steps.join('\n') });
  const lines = steps.filter((line) => !line.startsWith('poke'));
  const values = stdout.split('\n').map(BigInt);
  expect(values.length).toBe(lines.length);
  return lines.map((line, index) => ({ line, value: values[index] ?? 0n }));
}

/** One line a result; of a `try` that succeeded only that it did. */
function toText(results: readonly ScriptResult[]): string[] {
  return results.map(({ line, value }) => {
    const isOpen = line.startsWith('try') && value >= 0n;
    return `${line} = ${isOpen ? 'success' : value}`;
  });
}

describe('the model answers as the kernel of this machine:', () => {
  test.each(Object.entries(NATIVE_CASES))('%s', async (_, script) => {
    expect(toText(runOnModel(script))).toEqual(toText(await runNatively(script)));
  });

  test('random calls on memory', { timeout: isFullRun ? 600_000 : 60_000 }, async () => {
    const property = fc.asyncProperty(randomScript, async (script) => {
      expect(toText(runOnModel(script))).toEqual(toText(await runNatively(script)));
    });
    await fc.assert(property, { numRuns: randomRuns, seed: 1 });
  });

  test('system calls have the names of its headers', async () => {
    const options = ['-E', '-dM', '-include', 'asm/unistd.h', '-xc', '-'];
    const { stdout } = await execa('gcc', options, { input: '' });
    const lines = [...stdout.matchAll(/^#define __NR_(\w+) (\d+)$/gm)];
    expect(lines.length).toBeGreaterThan(350);
    for (const [, name, number] of lines) {
      expect([name, undefined]).toContain(syscallName(Number(number)));
    }
    expect(syscallName(0)).toBe('read');
  });
});
