import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The folder of this project. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Makes a folder that is removed when the test ends, or when `whenOver` says. */
export async function temporaryFolder(
  whenOver: (remove: () => Promise<void>) => void = onTestFinished,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-project-'));
  whenOver(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Makes a project of the same packages: `copied` are files or folders of this project, `written`
 * the texts of further files by path. Returns its folder, a temporary one.
 */
export async function makeProject(
  copied: readonly string[],
  written: Readonly<Record<string, string>>,
  root?: string,
): Promise<string> {
  root ??= await temporaryFolder();
  await symlink(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  for (const path of copied) {
    await cp(join(projectRoot, path), join(root, path), { recursive: true });
  }
  for (const [path, text] of Object.entries(written)) {
    await writeProjectFile(root, path, text);
  }
  return root;
}

/** Writes a file of a project, and the folders it is in. */
export async function writeProjectFile(root: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
