import { mkdir, mkdtemp, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cachedLibraryPath, type Environment } from './cache.ts';
import { missingEngine } from './missing.ts';
import { type PrivateApt, preparePrivateApt } from './private-apt.ts';
import { probeLibrary } from './probe.ts';

/** What a fetch needs to know. */
interface FetchRequest {
  readonly env: Environment;
  /** Absolute path. */
  readonly cacheDir: string;
  readonly log: (line: string) => void;
}

/**
 * The package by release, best first: since Debian 13 and Ubuntu 24.04 its name says that time_t
 * has 64 bits. It depends on libc6 alone everywhere, so nothing else has to be fetched.
 */
const packageNames: readonly string[] = ['libunicorn2t64', 'libunicorn2'];
const anyPackage = packageNames.join(' or ');

const stagingPrefix = 'fetch-';
const staleAfterMilliseconds = 3_600_000;

/**
 * Fetches libunicorn on Debian and its descendants from the system's own apt sources, checked with
 * the system's own keys, into the cache folder, without root and without touching the system's
 * lists; returns its path. All work happens in a private folder and the library appears by one
 * rename: an interrupted fetch leaves nothing that counts, and of two at once the later replaces
 * an equal file.
 *
 * Errors: UserError `engine-missing`, with apt's own reason.
 */
export async function fetchUnicorn(request: FetchRequest): Promise<string> {
  const target = cachedLibraryPath(request.cacheDir);
  const staging = await makeStaging(dirname(target));
  try {
    const apt = await preparePrivateApt(staging, request.env);
    // Where there is no apt-get, this says so before the log promises anything.
    await apt.run('apt-get', ['--version']);
    const started = performance.now();
    request.log(
      `libunicorn not found: fetching package ${anyPackage} with apt-get into ` +
        `${request.cacheDir} ...`,
    );
    const archive = await downloadPackage(apt, staging);
    const library = await unpackLibrary(apt, staging, archive);
    await rename(library, target);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    request.log(`libunicorn: fetched ${archive} in ${seconds} s`);
    return target;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Returns the name of the package file, which is then in the staging folder. */
async function downloadPackage(apt: PrivateApt, staging: string): Promise<string> {
  const update = await apt.run('apt-get', [...apt.options, 'update']);
  // A source that does not answer is no failure yet: another one may have the package.
  const listing = await apt.run('apt-cache', [...apt.options, 'pkgnames', 'libunicorn']);
  const known = new Set(listing.stdout.split('\n'));
  const name = packageNames.find((candidate) => known.has(candidate));
  if (name === undefined) {
    const failure = update.reason || listing.reason;
    throw missingEngine(
      failure ? `apt-get update: ${failure}` : `no package ${anyPackage} in the sources of apt`,
    );
  }
  const download = await apt.run('apt-get', [...apt.options, 'download', name]);
  const archive = (await readdir(staging)).find((entry) => entry.endsWith('.deb'));
  if (download.failed || archive === undefined) {
    throw missingEngine(`apt-get download ${name}: ${download.reason || 'it left no package'}`);
  }
  return archive;
}

/** Returns the path of the library in the staging folder; it has been loaded once. */
async function unpackLibrary(apt: PrivateApt, staging: string, archive: string): Promise<string> {
  const root = join(staging, 'root');
  const unpack = await apt.run('dpkg-deb', ['-x', archive, root]);
  if (unpack.failed) {
    throw missingEngine(`dpkg-deb -x ${archive}: ${unpack.reason}`);
  }
  const entries = await readdir(root, { recursive: true });
  const entry = entries.find((name) => name.endsWith('/libunicorn.so.2'));
  if (entry === undefined) {
    throw missingEngine(`there is no libunicorn.so.2 in ${archive}`);
  }
  const library = await realpath(join(root, entry));
  const probe = probeLibrary(library);
  if (probe.kind !== 'usable') {
    throw missingEngine(`the library in ${archive} does not work here: ${probe.reason}`);
  }
  return library;
}

async function makeStaging(parent: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true });
    await removeStaleStagings(parent);
    return await mkdtemp(join(parent, stagingPrefix));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw missingEngine(`it cannot be fetched into ${parent}: ${reason}`);
  }
}

/** Removes what fetches that were killed left behind. */
async function removeStaleStagings(parent: string): Promise<void> {
  const now = Date.now();
  const names = (await readdir(parent)).filter((name) => name.startsWith(stagingPrefix));
  for (const path of names.map((name) => join(parent, name))) {
    const modified = await stat(path).catch(() => undefined);
    if (modified !== undefined && now - modified.mtimeMs > staleAfterMilliseconds) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
