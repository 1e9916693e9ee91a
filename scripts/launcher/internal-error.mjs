import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The text for an error that nobody expected: its stack, with the positions in the bundle mapped
 * back to the sources. The map is read only here, so a run that goes well does not pay for it.
 * @param {unknown} error
 */
export function describeInternalError(error) {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `rseq-testbed: internal error, please report it: ${mapStack(stack)}\n`;
}

/** @param {string} stack */
function mapStack(stack) {
  /** @type {Map<string, SourceMap | undefined>} */
  const maps = new Map();
  return stack.replace(/(file:\/\/[^\s()]+\.cjs):(\d+):(\d+)/g, (position, url, line, column) => {
    const file = fileURLToPath(url);
    if (!maps.has(file)) {
      maps.set(file, readMap(`${file}.map`));
    }
    const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (!entry || !('originalSource' in entry)) {
      return position;
    }
    const source = relative(process.cwd(), resolve(dirname(file), entry.originalSource));
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

/** @param {string} file */
function readMap(file) {
  return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
}
