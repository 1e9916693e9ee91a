import { defaultCacheDir } from '../../emulator/engine/library/cache.ts';
import { locateUnicorn } from '../../emulator/engine/library/locate.ts';
import { projectRoot } from './project.ts';

/** Names one more libunicorn that the engine's tests are to run over. */
const otherVariable = 'RSEQ_TESTBED_LIBUNICORN_OTHER';

/** The libunicorn that the project uses; found, or fetched into its cache, as a verb would. */
export function unicornLibrary(): Promise<string> {
  return locate(process.env);
}

/** The libraries that the engine's tests run over. */
export async function unicornLibraries(): Promise<readonly string[]> {
  const own = await unicornLibrary();
  const other = process.env[otherVariable];
  if (!other) return [own];
  return [own, await locate({ ...process.env, RSEQ_TESTBED_LIBUNICORN: other })];
}

function locate(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  return locateUnicorn({
    env,
    offline: false,
    cacheDir: defaultCacheDir(projectRoot, env),
    log: (line) => process.stderr.write(`${line}\n`),
  });
}
