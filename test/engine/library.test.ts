import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cachedLibraryPath } from '../../emulator/engine/library/cache.ts';
import { type LocateOptions, locateUnicorn } from '../../emulator/engine/library/locate.ts';
import { buildStub, temporaryFolder } from './library-stubs.ts';

/** A soname that every system of its kind has, and that is not Unicorn's. */
const systemLibrary = process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libm.so.6';

/** Finds nothing by itself, fetches nothing, and must say nothing. */
function silentOptions(cacheDir: string): LocateOptions {
  return {
    env: {},
    offline: true,
    cacheDir,
    log: (line) => expect.fail(`unexpected line: ${line}`),
    candidates: [],
  };
}

describe('an explicit path', () => {
  test('wins over the cache and the loader', async (context) => {
    const folder = await temporaryFolder();
    const explicit = join(folder, 'explicit.so');
    const installed = join(folder, 'installed.so');
    await buildStub(context, explicit, 2);
    await buildStub(context, installed, 2);
    await buildStub(context, cachedLibraryPath(folder), 2);
    const options = { ...silentOptions(folder), candidates: [installed] };
    for (const value of [explicit, relative(process.cwd(), explicit)]) {
      const env = { RSEQ_TESTBED_LIBUNICORN: value };
      expect(await locateUnicorn({ ...options, env })).toBe(explicit);
    }
  });

  test('that is unusable is an error even where another library would do', async (context) => {
    const folder = await temporaryFolder();
    const text = join(folder, 'text.so');
    const old = join(folder, 'old.so');
    await writeFile(text, 'not a library\n');
    await buildStub(context, old, 1);
    await buildStub(context, cachedLibraryPath(folder), 2);
    const cases: readonly [path: string, reason: RegExp][] = [
      [join(folder, 'absent.so'), /no such file/i],
      [text, /file too short|invalid ELF header|not a mach-o file/i],
      [old, /it is Unicorn 1, and 2 or newer is needed/],
      [systemLibrary, /it is not libunicorn/],
    ];
    for (const [path, reason] of cases) {
      const env = { RSEQ_TESTBED_LIBUNICORN: path };
      const error = await rejection({ ...silentOptions(folder), env });
      expect(error).toMatchObject({ name: 'UserError', code: 'engine-unusable' });
      expect(error.message).toMatch(reason);
      expect(error.message.startsWith(`RSEQ_TESTBED_LIBUNICORN=${path}: `)).toBe(true);
      expect(error.message).not.toContain('\n');
    }
  });
});

describe('the search', () => {
  test('takes the cache first, then the candidates in their order', async (context) => {
    const folder = await temporaryFolder();
    const old = join(folder, 'old.so');
    const first = join(folder, 'first.so');
    const second = join(folder, 'second.so');
    await buildStub(context, old, 1);
    await buildStub(context, first, 2);
    await buildStub(context, second, 2);
    const candidates = ['libabsent-from-everywhere.so', join(folder, 'no.so'), old, first, second];
    const options = { ...silentOptions(folder), candidates };
    expect(await locateUnicorn(options)).toBe(first);
    await buildStub(context, cachedLibraryPath(folder), 2);
    expect(await locateUnicorn(options)).toBe(cachedLibraryPath(folder));
  });

  test('passes over a cached file that does not load', async (context) => {
    const folder = await temporaryFolder();
    const installed = join(folder, 'installed.so');
    await buildStub(context, installed, 2);
    await buildStub(context, cachedLibraryPath(folder), 2);
    await writeFile(cachedLibraryPath(folder), 'half');
    const options = { ...silentOptions(folder), candidates: [installed] };
    expect(await locateUnicorn(options)).toBe(installed);
  });

  test('ends offline with one line that says what to install', async () => {
    const error = await rejection(silentOptions(await temporaryFolder()));
    expect(error).toMatchObject({ name: 'UserError', code: 'engine-missing' });
    expect(error.message).toBe(
      'no usable libunicorn: it is not installed, and --offline forbids fetching it; install it ' +
        '(apt-get install libunicorn2, or brew install unicorn) or set RSEQ_TESTBED_LIBUNICORN to ' +
        'the path of version 2',
    );
  });

  test('says what is wrong with a library that is there', async (context) => {
    const folder = await temporaryFolder();
    const old = join(folder, 'old.so');
    await buildStub(context, old, 1);
    const error = await rejection({ ...silentOptions(folder), candidates: [old] });
    expect(error.message).toContain(`${old}: it is Unicorn 1, and 2 or newer is needed`);
  });
});

async function rejection(options: LocateOptions): Promise<Error> {
  const result = await locateUnicorn(options).catch((error: unknown) => error);
  if (!(result instanceof Error)) {
    return expect.fail(`found ${String(result)}`);
  }
  return result;
}
