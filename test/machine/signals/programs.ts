import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestContext } from 'vitest';
import { loadProgram } from '../../../emulator/loader/load.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { exitStatusOf } from '../../../emulator/machine/outcome.ts';
import type { Program } from '../../../emulator/machine/program.ts';
import { compile, freestanding } from '../../loader/compile.ts';
import { boot, type TestRun } from '../rig.ts';

const folder = import.meta.dirname;
const options = [
  ...freestanding,
  '-static',
  '-no-pie',
  '-fno-pie',
  '-mgeneral-regs-only',
  '-Wall',
  '-Wextra',
  '-Werror',
  `-I${folder}`,
];

/** Compiles the program of these tests with this name; skips the test without gcc. */
export function compileScenarios(context: TestContext, source: string): Promise<string> {
  return compile(context, { file: join(folder, source) }, options);
}

/** The scenarios that a source lists in its table. */
export async function scenariosOf(source: string): Promise<string[]> {
  const text = await readFile(join(folder, source), 'utf8');
  return [...text.matchAll(/^ {4}\{"([^"]+)", \w+\},$/gm)].map(([, name = '']) => name);
}

/** What a program wrote, and its status as a shell sees it. */
export interface Shown {
  readonly lines: readonly string[];
  readonly status: number | undefined;
}

/** Runs a scenario on the kernel of this machine. */
export async function runNatively(path: string, scenario: string): Promise<Shown> {
  const { stdout, exitCode } = await execa('sh', ['-c', '"$0" "$1"; exit $?', path, scenario], {
    reject: false,
    timeout: 20_000,
  });
  return { lines: stdout.split('\n'), status: exitCode };
}

/** A scenario of a compiled program, for machines. */
export function scenarioProgram(path: string, scenario: string): Program {
  return { image: loadProgram(path).image, args: [scenario], env: [] };
}

/** Runs a scenario in the model. */
export function runModelled(machine: Machine, run: TestRun): Shown {
  const output = boot(machine, run);
  const outcome = machine.runToEnd();
  const stdout = output().replaceAll(/1:/g, '').replace(/\n$/, '');
  const isUnsupported = outcome.kind === 'unsupported';
  const lines = stdout.split('\n');
  return {
    lines: isUnsupported ? [...lines, `not supported: ${outcome.what}`] : lines,
    status: exitStatusOf(outcome),
  };
}
