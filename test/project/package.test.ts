import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { makeProject, projectRoot, temporaryFolder, writeProjectFile } from '../support/project.ts';

const projectFiles = [
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json', 'LICENSE'],
  ...['scripts/rseq-testbed.mjs', 'scripts/launcher'],
];
const sources = {
  'kernel-model/cpu.ts': 'export interface Cpu {\n  readonly id: number;\n}\n',
  'emulator/index.ts':
    "import type { Cpu } from '../kernel-model/cpu.ts';\n\n" +
    "export { name } from './name.ts';\n\nexport const cpus: readonly Cpu[] = [{ id: 4 }];\n",
  'emulator/name.ts': "export const name = 'packed';\n",
  'emulator/cli/main.ts':
    "import { name } from '../index.ts';\n\n" +
    'export async function main(): Promise<number> {\n  console.log(name);\n  return 0;\n}\n',
};
const user = `
import { cpus, name } from 'rseq-testbed';

const id: number | undefined = cpus[0]?.id;
// @ts-expect-error: a string is not a number
const wrong: number = name;
console.log(id, wrong);
`;

/** Packs a small project of these tools, and unpacks it where another project would have it. */
async function installPacked(): Promise<string> {
  const root = await makeProject(projectFiles, sources);
  const packing = await execa('npm', ['pack', '--silent', '--ignore-scripts=false'], { cwd: root });
  const folder = await temporaryFolder();
  const installed = join(folder, 'node_modules/rseq-testbed');
  await mkdir(installed, { recursive: true });
  const archive = join(root, packing.stdout.trim().split('\n').at(-1) ?? '');
  await execa('tar', ['-xzf', archive, '-C', installed, '--strip-components=1']);
  for (const name of await readdir(join(projectRoot, 'node_modules'))) {
    await symlink(join(projectRoot, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return folder;
}

test('the packed project is a typed library and a command', async () => {
  const folder = await installPacked();
  await writeProjectFile(folder, 'package.json', '{ "type": "module" }\n');
  await writeProjectFile(folder, 'user.ts', user);
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck'];
  const run = { cwd: folder, localDir: projectRoot, preferLocal: true };
  await execa('tsc', ['user.ts', ...options, '--types', 'node', '--outDir', 'out'], run);
  expect((await execa(process.execPath, ['out/user.js'], run)).stdout).toBe('4 packed');
  const command = 'node_modules/rseq-testbed/scripts/rseq-testbed.mjs';
  expect((await execa(process.execPath, [command], run)).stdout).toBe('packed');
});
