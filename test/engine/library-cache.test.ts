import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultCacheDir } from '../../emulator/engine/library/cache.ts';
import { temporaryFolder } from './library-stubs.ts';

/** A project in which no cache can be made, for root too: there is a file instead. */
async function blockedProject(): Promise<string> {
  const project = await temporaryFolder();
  await mkdir(join(project, '.cache'));
  await writeFile(join(project, '.cache', 'rseq-testbed'), '', { mode: 0o755 });
  return project;
}

describe('defaultCacheDir', () => {
  test('is in the project where that can be created', async () => {
    const project = await temporaryFolder();
    const inProject = join(project, '.cache', 'rseq-testbed');
    expect(defaultCacheDir(project, { HOME: '/home/someone' })).toBe(inProject);
    await mkdir(inProject, { recursive: true });
    expect(defaultCacheDir(project, { HOME: '/home/someone' })).toBe(inProject);
  });

  test('is the user cache where the project cannot be written', async () => {
    const project = await blockedProject();
    const home = { HOME: '/home/someone' };
    expect(defaultCacheDir(project, home)).toBe('/home/someone/.cache/rseq-testbed');
    expect(defaultCacheDir(project, { ...home, XDG_CACHE_HOME: '/xdg' })).toBe('/xdg/rseq-testbed');
    expect(defaultCacheDir(project, { ...home, XDG_CACHE_HOME: 'relative' })).toBe(
      '/home/someone/.cache/rseq-testbed',
    );
  });

  test('is what RSEQ_TESTBED_CACHE says, as an absolute path', async () => {
    const project = await temporaryFolder();
    expect(defaultCacheDir(project, { RSEQ_TESTBED_CACHE: '/own' })).toBe('/own');
    expect(defaultCacheDir(project, { RSEQ_TESTBED_CACHE: 'own' })).toBe(
      join(process.cwd(), 'own'),
    );
  });
});
