import { join } from 'node:path';
import { defaultCacheDir } from '../engine/library/cache.ts';
import { locateUnicorn } from '../engine/library/locate.ts';
import type { Machine } from '../machine/machine.ts';
import { openMachine } from '../machine/open.ts';

/** Finds libunicorn, fetching it if need be. */
export function locateDefaultLibrary(options: { readonly offline: boolean }): Promise<string> {
  return locateUnicorn({
    env: process.env,
    offline: options.offline || process.env.npm_config_offline === 'true',
    cacheDir: defaultCacheDir(join(import.meta.dirname, '..', '..'), process.env),
    log: (line) => process.stderr.write(`rseq-testbed: ${line}\n`),
  });
}

/** Finds libunicorn and opens a machine over it. */
export async function openDefaultMachine(options: {
  readonly offline: boolean;
  readonly memoryLimitBytes?: number;
  readonly logReads?: boolean;
}): Promise<Machine> {
  return openMachine({
    libraryPath: await locateDefaultLibrary(options),
    memoryLimitBytes: options.memoryLimitBytes,
    logReads: options.logReads ?? false,
  });
}
