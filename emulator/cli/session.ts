import { join } from 'node:path';
import { defaultCacheDir } from '../engine/library/cache.ts';
import { locateUnicorn } from '../engine/library/locate.ts';
import type { Machine } from '../machine/machine.ts';
import { openMachine } from '../machine/open.ts';

/** Finds libunicorn, fetching it if need be, and opens a machine over it. */
export async function openDefaultMachine(options: {
  readonly offline: boolean;
  readonly memoryLimitBytes?: number;
  readonly logReads?: boolean;
}): Promise<Machine> {
  const libraryPath = await locateUnicorn({
    env: process.env,
    offline: options.offline || process.env.npm_config_offline === 'true',
    cacheDir: defaultCacheDir(join(import.meta.dirname, '..', '..'), process.env),
    log: (line) => process.stderr.write(`rseq-testbed: ${line}\n`),
  });
  return openMachine({
    libraryPath,
    memoryLimitBytes: options.memoryLimitBytes,
    logReads: options.logReads ?? false,
  });
}
