import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { TestMachine } from '../kernel-model/harness.ts';
import { RSEQ_CONTRACT } from '../kernel-model/rseq/contract.ts';
import { mainline } from '../kernel-model/rseq/mainline-fixture.ts';
import { projectRoot } from '../support/project.ts';

const PAGE = join(projectRoot, 'docs/adding-a-kernel.md');
/** Two folders below the root, where the block's imports lead to the project. */
const FOLDER = join(projectRoot, '.cache/docs');
const MODULE = join(FOLDER, `vendor-${process.pid}.ts`);
const AREA = 0x1000_0000;

let vendor: KernelProfile;

beforeAll(async () => {
  const [, block] = /^```ts\n(.*?)^```$/ms.exec(await readFile(PAGE, 'utf8')) ?? [];
  if (block === undefined) throw new Error('the page has a block of TypeScript');
  await mkdir(FOLDER, { recursive: true });
  await writeFile(MODULE, block);
  ({ VENDOR: vendor } = await import(MODULE));
});

afterAll(() => rm(MODULE, { force: true }));

test('the example has the right types', async () => {
  const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext'];
  const checks = ['--allowImportingTsExtensions', '--erasableSyntaxOnly', '--skipLibCheck'];
  const { stdout } = await execa('tsc', [...options, ...checks, '--ignoreConfig', MODULE], {
    cwd: projectRoot,
    localDir: projectRoot,
    preferLocal: true,
    reject: false,
  });
  expect(stdout).toBe('');
});

test.each(Object.entries(RSEQ_CONTRACT))('the example keeps the contract: %s', (_, check) => {
  check(vendor, mainline);
});

test('the example differs from linux-6.18 as it says', () => {
  const registered = (profile?: KernelProfile) =>
    new TestMachine(profile === undefined ? {} : { profile }).call('rseq', [AREA, 64, 0, 1]);
  expect([registered(vendor), registered()]).toEqual([-22, 0]);
});
