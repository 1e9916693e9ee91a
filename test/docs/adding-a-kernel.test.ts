import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { makeProject, projectRoot } from '../support/project.ts';
import { unicornLibrary } from '../support/unicorn.ts';

const PAGE = 'docs/adding-a-kernel.md';
const REGISTRY = 'kernel-model/rseq/registry.ts';
const COPIED = ['emulator', 'guest', 'kernel-model', 'scripts', 'test', 'docs'];
const CONFIGURATION = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts'];
const CONTRACT = 'test/kernel-model/rseq/contract.test.ts';

/** What the page says to write: the file with its path, and the registry's line. */
async function readPage() {
  const page = await readFile(join(projectRoot, PAGE), 'utf8');
  const [file = '', entry = ''] = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, it]) => it);
  const [, path = ''] = /^`(kernel-model\/rseq\/[\w.-]+\.ts)`:$/m.exec(page) ?? [];
  return { file, entry, path };
}

/** The registry with the line of the page, and the import that it needs. */
async function extendRegistry(entry: string, path: string): Promise<string> {
  const registry = await readFile(join(projectRoot, REGISTRY), 'utf8');
  const [, name = ''] = /: (\w+),$/m.exec(entry) ?? [];
  const imported = `import { ${name} } from './${path.split('/').at(-1)}';\n`;
  return imported + registry.replace('export const PROFILES = {\n', `$&${entry}`);
}

const EXIT_FINDING = 122;

test('the example is one file and one entry', { timeout: 180_000 }, async () => {
  const { file, entry, path } = await readPage();
  const written = { [path]: file, [REGISTRY]: await extendRegistry(entry, path) };
  const cwd = await makeProject([...COPIED, ...CONFIGURATION], written);
  const options = { cwd, preferLocal: true, localDir: projectRoot, reject: false, all: true };

  const types = await execa('tsc', ['--noEmit', '-p', 'tsconfig.build.json'], options);
  expect(types.all).toBe('');

  const contract = await execa('vitest', ['run', CONTRACT, '-t', 'vendor-6.18'], options);
  expect(contract.all).toMatch(/^\d{2} passed, 0 failed/m);

  const verb = (...args: string[]) => execa('node', ['scripts/rseq-testbed.mjs', ...args], options);
  const kernels = await verb('kernels', 'vendor-6.18');
  expect(kernels.all).toContain('flags inhibit restarts');
  const emulated = { ...options, env: { RSEQ_TESTBED_LIBUNICORN: await unicornLibrary() } };
  const emulate = (guest: string, ...args: string[]) =>
    execa(
      'node',
      ['scripts/rseq-testbed.mjs', 'emulate', guest, '--kernel', 'vendor-6.18', ...args],
      emulated,
    );
  const counter = await emulate('guest/counter.bin', '--', '4', '20');
  expect(counter.exitCode, counter.all).toBe(0);
  expect(counter.all).toContain('kernel vendor-6.18');
  const probe = await emulate('guest/kernel/probe.bin');
  expect(probe.all).toContain('64 bytes -22');
  // Its calls inside a section, made on purpose, are the finding; a mistake in flags would kill it.
  expect(probe.all).toContain('R14');
  expect(probe.exitCode, 'flags are no mistake').toBe(EXIT_FINDING);
});
