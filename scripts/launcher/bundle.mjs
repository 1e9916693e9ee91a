import { accessSync, constants, existsSync, mkdirSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fingerprint, missingPackages } from './fingerprint.mjs';

/**
 * A bundle that can be run: the folder with its modules, and the name under which children of this
 * process find the same one; or the one line that says why there is none.
 * @typedef {{ folder: string, handle: string } | { problem: string }} FoundBundle
 */

/**
 * Finds the bundle of the sources as they are now, and builds it first where there is none.
 * Bundles are kept by fingerprint, complete or absent (see build.mjs), so that finding one is a
 * single stat.
 * @param {string} root the project's folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<FoundBundle>}
 */
export async function findBundle(root, env) {
  const inherited = inheritedBundle(root, env);
  if (inherited) {
    return found(root, inherited);
  }
  const missing = missingPackages(root);
  if (missing.length > 0) {
    return { problem: `not installed: ${missing.join(', ')}; run npm ci in ${root}` };
  }
  const name = fingerprint(root);
  const caches = cacheFolders(root, env);
  const built = caches.map((cache) => join(cache, name)).find(existsSync);
  if (built) {
    markUsed(built);
    return found(root, built);
  }
  const cache = caches.find(isWritable);
  if (!cache) {
    return { problem: `no folder for the bundle can be written: ${caches.join(', ')}` };
  }
  const { buildBundle } = await import('./build.mjs');
  const problem = await buildBundle(root, cache, name);
  return problem ? { problem } : found(root, join(cache, name));
}

/**
 * The file that runs a verb, and its arguments: a script of that name, else the emulator's
 * command line.
 * @param {string} bundle the folder that findBundle() gave
 * @param {string[]} argv
 */
export function entryFor(bundle, argv) {
  const [verb = '', ...rest] = argv;
  const script = join(bundle, 'scripts', `${verb}.cjs`);
  if (/^[a-z][a-z-]*$/.test(verb) && existsSync(script)) {
    return { file: script, args: rest };
  }
  return { file: join(bundle, 'cli.cjs'), args: argv };
}

/**
 * @param {string} root
 * @param {string} folder
 */
function found(root, folder) {
  return { folder, handle: `${root}:${folder}` };
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
function inheritedBundle(root, env) {
  const handle = env.RSEQ_TESTBED_BUNDLE;
  const folder = handle?.startsWith(`${root}:`) ? handle.slice(root.length + 1) : undefined;
  return folder && existsSync(folder) ? folder : undefined;
}

/**
 * The folders that may hold bundles, the preferred one first: the same choice as the cache of
 * fetched libraries makes (emulator/engine/library/cache.ts).
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
function cacheFolders(root, env) {
  if (env.RSEQ_TESTBED_CACHE) {
    return [resolve(env.RSEQ_TESTBED_CACHE, 'bundle')];
  }
  const xdg = env.XDG_CACHE_HOME;
  const ofUser = xdg && isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), '.cache');
  return [join(root, '.cache'), ofUser].map((cache) => join(cache, 'rseq-testbed', 'bundle'));
}

/** @param {string} folder */
function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The time of last use decides which bundles are removed (build.mjs).
 * @param {string} bundle
 */
function markUsed(bundle) {
  const now = Date.now() / 1000;
  try {
    utimesSync(bundle, now, now);
  } catch {
    // A read-only cache still serves its bundles.
  }
}
