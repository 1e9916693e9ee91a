import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished, type TestContext } from 'vitest';

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-library-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Builds a library at `path` that says it is Unicorn `major`, so that the order of the search can
 * be tested on any machine. Skips the test where there is no C compiler.
 */
export async function buildStub(context: TestContext, path: string, major: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const source = `unsigned uc_version(unsigned *a, unsigned *b) { *a = ${major}; *b = 0; return 0; }`;
  const compilation = await execa('gcc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', path], {
    input: source,
    reject: false,
  });
  if (compilation.code === 'ENOENT') {
    context.skip('there is no gcc to build a stub library with');
  }
  if (compilation.failed) {
    throw new Error(`the stub library does not build: ${compilation.stderr}`);
  }
}

/** Shell texts of the three programs that a fetch runs. */
export interface FakeDebian {
  readonly aptGet: string;
  readonly aptCache: string;
  readonly dpkgDeb: string;
}

/** Installs the fakes in front of the real programs; returns the environment that finds them. */
export async function fakeDebian(folder: string, programs: FakeDebian) {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const texts = {
    'apt-get': programs.aptGet,
    'apt-cache': programs.aptCache,
    'dpkg-deb': programs.dpkgDeb,
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return { PATH: `${bin}:${process.env.PATH ?? ''}` };
}
