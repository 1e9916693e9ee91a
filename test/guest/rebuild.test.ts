import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseBugIndex } from '../../emulator/regress/bug-index.ts';
import { compareWithManifest } from '../../scripts/guests/publish.ts';
import { main } from '../../scripts/guests.ts';
import { matrixCases } from '../support/matrix.ts';
import { guestDir, isForMainline, isUnprotected, readManifest } from './guest-files.ts';
import { runNatively, whyNotNative } from './native.ts';

const buildTimeoutMilliseconds = 240_000;

const committed = await readManifest();
const behaving = committed.guests.filter((one) => !isUnprotected(one) && isForMainline(one));
const compiler = await execa('gcc', ['--version'], { reject: false });
const noCompiler = compiler.failed ? 'there is no gcc to rebuild the guests with' : undefined;
const rebuilt = await mkdtemp(join(tmpdir(), 'rseq-testbed-rebuilt-'));

/** A status with what was written to standard output on the way. */
async function listening(work: () => Promise<number>): Promise<{ status: number; output: string }> {
  let output = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
  try {
    return { status: await work(), output };
  } finally {
    write.mockRestore();
  }
}

afterAll(() => rm(rebuilt, { recursive: true, force: true }));

describe('guests rebuilt', () => {
  beforeAll(async () => {
    if (noCompiler === undefined) {
      vi.stubEnv('CC', '');
      await listening(() => main(['--out', rebuilt]));
    }
  }, buildTimeoutMilliseconds);

  test('are the same set, described the same way', async (context) => {
    context.skip(noCompiler !== undefined, noCompiler);
    const manifest = await readManifest(rebuilt);
    const describedIn = ({ guests }: typeof manifest) =>
      guests.map(({ files, ...rest }) => ({ ...rest, paths: [files.bin.path, files.elf.path] }));
    expect(describedIn(manifest)).toEqual(describedIn(committed));
  });

  test('are the committed bytes where the tools are the same', async (context) => {
    context.skip(noCompiler !== undefined, noCompiler);
    const manifest = await readManifest(rebuilt);
    const tools = `${manifest.compiler}, ${manifest.linker}`;
    const same = tools === `${committed.compiler}, ${committed.linker}`;
    context.skip(!same, `the committed guests were made by other tools than ${tools}`);
    expect(manifest).toEqual(committed);
  });

  test(
    'behave as the committed ones do',
    async (context) => {
      context.skip(noCompiler !== undefined, noCompiler);
      const obstacle = await whyNotNative();
      context.skip(obstacle !== undefined, obstacle);
      const runs = behaving.flatMap((guest) =>
        [[], ['0'], ['3', '17']].map((args) => ({ guest, args })),
      );
      for (const { guest, args } of matrixCases(runs, 12)) {
        const fresh = await runNatively(join(rebuilt, guest.files.elf.path), args);
        const old = await runNatively(join(guestDir, guest.files.elf.path), args);
        expect(fresh, `${guest.name} ${args.join(' ')}`).toEqual(old);
      }
    },
    buildTimeoutMilliseconds,
  );
});

describe('the verb', () => {
  test('says which files differ from the manifest', async (context) => {
    context.skip(noCompiler !== undefined, noCompiler);
    const manifest = await readManifest(rebuilt);
    const [first, ...others] = manifest.guests;
    if (first === undefined) throw new Error('there are guests');
    const bin = { ...first.files.bin, sha256: '0'.repeat(64) };
    const changed = { ...first, files: { ...first.files, bin } };
    const index = parseBugIndex(
      'index.json',
      await readFile(join(rebuilt, 'bugs/index.json'), 'utf8'),
    );
    const { status, output } = await listening(() =>
      compareWithManifest(rebuilt, {
        manifest: { ...manifest, guests: [changed, ...others] },
        index,
      }),
    );
    expect(status).toBe(1);
    expect(output).toMatch(
      /^counter.bin differs from the manifest\nguests: 1 of \d+ files differ\n$/,
    );
  });

  test('is one clear error without a compiler, and writes nothing', async () => {
    vi.stubEnv('CC', join(rebuilt, 'absent-compiler'));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const out = join(rebuilt, 'untouched');
    await expect(main(['--out', out])).rejects.toMatchObject({
      name: 'UserError',
      code: 'no-compiler',
      message: expect.stringMatching(/^guests: .*absent-compiler does not run; .*[^\n]$/),
    });
    expect(await readdir(rebuilt)).not.toContain('untouched');
  });

  test('refuses an option it does not know', async () => {
    await expect(main(['--bogus'])).rejects.toMatchObject({ code: 'bad-option' });
  });
});
