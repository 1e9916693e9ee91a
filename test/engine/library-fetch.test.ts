import { existsSync } from 'node:fs';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import koffi from 'koffi';
import { describe, expect, test } from 'vitest';
import { cachedLibraryPath } from '../../emulator/engine/library/cache.ts';
import { locateUnicorn } from '../../emulator/engine/library/locate.ts';
import { buildStub, fakeDebian, temporaryFolder } from './library-stubs.ts';

const onLinux = process.platform === 'linux';
const realFetchMilliseconds = 240_000;

/** Answers like apt-get, and only to calls that keep it inside the cache folder `$CACHE`. */
const workingAptGet = `
case "$*" in
  --version) exit 0 ;;
  *Dir::State::lists=$CACHE/*) ;;
  *) echo "E: not private: $*" >&2; exit 100 ;;
esac
case "$*" in
  *update) exit 0 ;;
  *"download $PACKAGE") echo package > "$PACKAGE"_1_any.deb ;;
  *) echo "E: unexpected: $*" >&2; exit 100 ;;
esac`;
const workingAptCache = 'printf "libunicorn-dev\\n$PACKAGE\\n"';
const workingDpkgDeb = 'mkdir -p "$3/usr/lib/any" && cp "$STUB" "$3/usr/lib/any/libunicorn.so.2"';
const working = { aptGet: workingAptGet, aptCache: workingAptCache, dpkgDeb: workingDpkgDeb };

function locateIn(cacheDir: string, env: Record<string, string | undefined>, lines: string[] = []) {
  const log = (line: string) => {
    lines.push(line);
  };
  return locateUnicorn({ env, offline: false, cacheDir, log, candidates: [] });
}

/** What is in the library folder of a cache. */
function cacheEntries(cacheDir: string): Promise<string[]> {
  return readdir(dirname(cachedLibraryPath(cacheDir)));
}

describe.runIf(onLinux)('on Linux, a fetch from a fake Debian', () => {
  test.for(['libunicorn2', 'libunicorn2t64'])('takes the package %s', async (PACKAGE, context) => {
    const folder = await temporaryFolder();
    const CACHE = join(folder, 'a cache');
    const STUB = join(folder, 'stub.so');
    await buildStub(context, STUB, 2);
    const env = { ...(await fakeDebian(folder, working)), CACHE, STUB, PACKAGE };
    const lines: string[] = [];
    expect(await locateIn(CACHE, env, lines)).toBe(cachedLibraryPath(CACHE));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(`with apt-get into ${CACHE}`);
    expect(lines[1]).toContain(`fetched ${PACKAGE}_1_any.deb`);
    expect(await cacheEntries(CACHE)).toEqual(['libunicorn.so.2']);
  });

  test('trusts nothing that a killed fetch left, and removes it later', async (context) => {
    const folder = await temporaryFolder();
    const CACHE = join(folder, 'cache');
    const STUB = join(folder, 'stub.so');
    await buildStub(context, STUB, 2);
    const parent = dirname(cachedLibraryPath(CACHE));
    const killed = join(parent, 'fetch-killed');
    await buildStub(context, join(killed, 'root', 'libunicorn.so.2'), 2);
    await utimes(killed, 0, 0);
    await mkdir(join(parent, 'fetch-running'));
    const env = { ...(await fakeDebian(folder, working)), CACHE, STUB, PACKAGE: 'libunicorn2' };
    expect(await locateIn(CACHE, env)).toBe(cachedLibraryPath(CACHE));
    expect(await cacheEntries(CACHE)).toEqual(['fetch-running', 'libunicorn.so.2']);
  });

  test('that gives an unusable library leaves none', async (context) => {
    const folder = await temporaryFolder();
    const CACHE = join(folder, 'cache');
    const STUB = join(folder, 'stub.so');
    await buildStub(context, STUB, 1);
    const env = { ...(await fakeDebian(folder, working)), CACHE, STUB, PACKAGE: 'libunicorn2' };
    await expect(locateIn(CACHE, env)).rejects.toMatchObject({
      code: 'engine-missing',
      message: expect.stringContaining('it is Unicorn 1, and 2 or newer is needed'),
    });
    expect(await cacheEntries(CACHE)).toEqual([]);
  });
});

describe.runIf(onLinux)('on Linux, a fetch that fails', () => {
  const noRoute = 'Failed to fetch http://mirror.example/InRelease  Could not resolve the name';
  const failingUpdate = `
case "$*" in
  --version) exit 0 ;;
  *update) echo "W: ${noRoute}" >&2
    echo "W: Some index files failed to download. They have been ignored." >&2
    exit 0 ;;
esac
exit 100`;
  const failingDownload = `
case "$*" in
  *download*)
    echo half > libunicorn2_1_any.deb
    echo "E: first" >&2; echo "E: 404  Not Found" >&2; exit 100 ;;
esac`;
  const cases = {
    'has no network': {
      programs: { ...working, aptGet: failingUpdate, aptCache: ':' },
      reason: 'apt-get update: Failed to fetch http://mirror.example/InRelease Could not resolve',
    },
    'finds no package': {
      programs: { ...working, aptCache: 'echo libunicorn-dev' },
      reason: 'no package libunicorn2t64 or libunicorn2 in the sources of apt',
    },
    'loses the package': {
      programs: { ...working, aptGet: failingDownload },
      reason: 'apt-get download libunicorn2: 404 Not Found',
    },
    'cannot unpack': {
      programs: { ...working, dpkgDeb: 'exit 2' },
      reason: 'dpkg-deb -x libunicorn2_1_any.deb: it ended with 2',
    },
    'unpacks something else': {
      programs: { ...working, dpkgDeb: 'mkdir -p "$3/usr"' },
      reason: 'there is no libunicorn.so.2 in libunicorn2_1_any.deb',
    },
  };

  test.for(Object.entries(cases))('because it %s says so in one line', async ([, failure]) => {
    const folder = await temporaryFolder();
    const CACHE = join(folder, 'cache');
    const fakes = await fakeDebian(folder, failure.programs);
    const lines: string[] = [];
    const env = { ...fakes, CACHE, PACKAGE: 'libunicorn2' };
    const error = await locateIn(CACHE, env, lines).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UserError', code: 'engine-missing' });
    expect(error).toHaveProperty('message', expect.stringContaining(failure.reason));
    expect(error).toHaveProperty('message', expect.stringMatching(/^.*apt-get install libun.*$/));
    expect(lines).toHaveLength(1);
    expect(await cacheEntries(CACHE)).toEqual([]);
  });

  test('because there is no apt-get promises nothing before it says so', async () => {
    const folder = await temporaryFolder();
    const lines: string[] = [];
    await expect(locateIn(folder, { PATH: folder }, lines)).rejects.toMatchObject({
      code: 'engine-missing',
      message: expect.stringContaining('there is no apt-get here to fetch it with'),
    });
    expect(lines).toEqual([]);
  });

  test('because the cache folder cannot be made names it', async () => {
    await expect(locateIn('/dev/null/cache', {})).rejects.toMatchObject({
      code: 'engine-missing',
      message: expect.stringContaining('it cannot be fetched into /dev/null/cache/'),
    });
  });
});

describe("a fetch from the system's own sources", () => {
  test(
    'gives two first uses at once a library that answers',
    async (context) => {
      const cacheDir = await temporaryFolder();
      const obstacle = await fetchObstacle(cacheDir);
      if (obstacle !== undefined) {
        context.skip(obstacle);
      }
      const cache = join(cacheDir, 'cache');
      const { RSEQ_TESTBED_LIBUNICORN: _, ...env } = process.env;
      const paths = await Promise.all([locateIn(cache, env), locateIn(cache, env)]);
      expect(paths).toEqual([cachedLibraryPath(cache), cachedLibraryPath(cache)]);
      expect(await cacheEntries(cache)).toEqual(['libunicorn.so.2']);
      expect(unicornMajor(cachedLibraryPath(cache))).toBe(2);
      const lines: string[] = [];
      expect(await locateIn(cache, env, lines)).toBe(cachedLibraryPath(cache));
      expect(lines).toEqual([]);
    },
    realFetchMilliseconds,
  );
});

/** Why nothing can be fetched here, found out without the code under test. */
async function fetchObstacle(folder: string): Promise<string | undefined> {
  const sources = await execa('apt-get', ['--print-uris', 'update'], { reject: false });
  const release = /'([^']+\/InRelease)'/.exec(sources.stdout ?? '')?.[1];
  if (release === undefined) {
    return 'there is no apt-get with sources here';
  }
  const helper = '/usr/lib/apt/apt-helper';
  const options = ['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=0'];
  const args = [...options, 'download-file', release, join(folder, 'InRelease')];
  const download = await execa(helper, args, { reject: false, timeout: 20_000 });
  return existsSync(join(folder, 'InRelease'))
    ? undefined
    : `the network does not give ${release}: ${String(download.stderr).split('\n')[0]}`;
}

function unicornMajor(path: string): number | undefined {
  const outUint = koffi.out(koffi.pointer('uint'));
  const major = [0];
  koffi.load(path).func('uc_version', 'uint', [outUint, outUint])(major, [0]);
  return major[0];
}
