import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const folderName = 'rseq-testbed';

/**
 * The folder for what is fetched or built once, as an absolute path; nothing is created. It is
 * $RSEQ_TESTBED_CACHE, else `.cache/rseq-testbed` in the project where that can be written, else
 * the user's cache folder (XDG Base Directory Specification: a relative $XDG_CACHE_HOME is ignored).
 */
export function defaultCacheDir(projectRoot: string, env: Environment): string {
  if (env.RSEQ_TESTBED_CACHE) {
    return resolve(env.RSEQ_TESTBED_CACHE);
  }
  const ofProject = resolve(projectRoot, '.cache', folderName);
  if (isWritableOrCreatable(ofProject)) {
    return ofProject;
  }
  const xdg = env.XDG_CACHE_HOME;
  const ofUser = xdg && isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), '.cache');
  return join(ofUser, folderName);
}

/**
 * Where a fetched library is kept: one file, put there by a rename, so that it is either absent or
 * whole and the warm path needs neither a pointer nor a directory listing.
 */
export function cachedLibraryPath(cacheDir: string): string {
  return join(cacheDir, 'libunicorn', `${process.platform}-${process.arch}`, 'libunicorn.so.2');
}

function isWritableOrCreatable(folder: string): boolean {
  try {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found === undefined) {
      return isWritableOrCreatable(dirname(folder));
    }
    accessSync(folder, constants.W_OK | constants.X_OK);
    return found.isDirectory();
  } catch {
    return false;
  }
}
