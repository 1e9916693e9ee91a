import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { UserError } from '../../errors.ts';
import { cachedLibraryPath, type Environment } from './cache.ts';
import { libraryVariable, missingEngine } from './missing.ts';
import { probeLibrary } from './probe.ts';

/** How to look for libunicorn. */
export interface LocateOptions {
  /** The environment of the caller, also given to the children that fetch. */
  readonly env: Environment;
  /** Use what is there; fetch nothing. */
  readonly offline: boolean;
  /** Where a fetched library is kept; created when needed. */
  readonly cacheDir: string;
  /** Takes the lines that tell the user about a fetch; silent otherwise. */
  readonly log: (line: string) => void;
  /** Sonames and absolute paths to try, in this order; by default those of the platform. */
  readonly candidates?: readonly string[];
}

/** Names for the loader's own search, then Homebrew's folders (Apple silicon, Intel). */
const platformCandidates: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    'libunicorn.2.dylib',
    'libunicorn.dylib',
    '/opt/homebrew/lib/libunicorn.2.dylib',
    '/opt/homebrew/lib/libunicorn.dylib',
    '/usr/local/lib/libunicorn.2.dylib',
    '/usr/local/lib/libunicorn.dylib',
  ],
};
const elfCandidates: readonly string[] = ['libunicorn.so.2', 'libunicorn.so'];

/**
 * Finds libunicorn, version 2 or newer, and returns an absolute path or a soname that loads; the
 * library is then already loaded into this process. In order: $RSEQ_TESTBED_LIBUNICORN, the cache
 * folder, the loader's paths and Homebrew's, a fetch with apt-get into the cache folder.
 *
 * Errors: UserError `engine-unusable` when the variable names something unusable (nothing else is
 * then tried), `engine-missing` when there is no library and none can be fetched.
 */
export async function locateUnicorn(options: LocateOptions): Promise<string> {
  const explicit = options.env[libraryVariable];
  if (explicit) {
    return explicitLibrary(explicit);
  }
  const cacheDir = resolve(options.cacheDir);
  const cached = cachedLibraryPath(cacheDir);
  // A cache shared with an older system may hold a file that needs a newer libc: look further then.
  if (existsSync(cached) && probeLibrary(cached).kind === 'usable') {
    return cached;
  }
  const names = options.candidates ?? platformCandidates[process.platform] ?? elfCandidates;
  const search = searchCandidates(names);
  if (search.found !== undefined) {
    return search.found;
  }
  if (options.offline) {
    throw missingEngine(`${search.rejected}, and --offline forbids fetching it`);
  }
  if (process.platform !== 'linux') {
    throw missingEngine(search.rejected);
  }
  // Loaded only now: what it needs costs ten times the warm path.
  const { fetchUnicorn } = await import('./fetch.ts');
  return fetchUnicorn({ env: options.env, cacheDir, log: options.log });
}

/** A name without a slash is a soname for the loader; the rest is a path. */
function explicitLibrary(value: string): string {
  const pathOrSoname = value.includes('/') ? resolve(value) : value;
  const probe = probeLibrary(pathOrSoname);
  if (probe.kind !== 'usable') {
    throw new UserError('engine-unusable', `${libraryVariable}=${value}: ${probe.reason}`);
  }
  return pathOrSoname;
}

interface Search {
  readonly found?: string;
  /** Why nothing was found: that there is none, or what is wrong with those that there are. */
  readonly rejected: string;
}

function searchCandidates(names: readonly string[]): Search {
  const rejected: string[] = [];
  for (const name of names) {
    const isPath = isAbsolute(name);
    if (isPath && !existsSync(name)) {
      continue;
    }
    const probe = probeLibrary(name);
    if (probe.kind === 'usable') {
      return { found: name, rejected: '' };
    }
    // The loader's failure for a soname means only that there is none.
    if (isPath || probe.kind === 'unsuitable') {
      rejected.push(`${name}: ${probe.reason}`);
    }
  }
  return { rejected: rejected.length > 0 ? rejected.join('; ') : 'it is not installed' };
}
