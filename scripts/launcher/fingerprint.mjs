import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folders whose files decide what a verb does. */
const sourceFolders = ['emulator', 'kernel-model', 'scripts'];

/**
 * A name for the sources and the installed packages as they are now: it changes when any of them
 * does. It is taken from names, sizes and times, as make does it, because reading every file would
 * cost more than the rest of the start.
 * @param {string} root the project's folder
 * @returns {string} hexadecimal digits
 */
export function fingerprint(root) {
  /** @type {string[]} */
  const parts = [root, stamp(join(root, 'package.json'))];
  for (const folder of sourceFolders) {
    collect(join(root, folder), parts);
  }
  for (const name of packageNames(root)) {
    parts.push(packageStamp(root, name) ?? '');
  }
  return hash(parts.join('\n'));
}

/**
 * The packages that package.json asks for and that are not there.
 * @param {string} root
 */
export function missingPackages(root) {
  return packageNames(root).filter((name) => packageStamp(root, name) === undefined);
}

/**
 * @param {string} root
 * @returns {string[]}
 */
function packageNames(root) {
  return Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies);
}

/**
 * Packages are looked for as Node does, up to the file system's root: an installed rseq-testbed
 * has them beside it.
 * @param {string} root
 * @param {string} name
 */
function packageStamp(root, name) {
  for (let folder = root; ; folder = dirname(folder)) {
    const file = join(folder, 'node_modules', name, 'package.json');
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats) {
      return describe(file, stats);
    }
    if (folder === dirname(folder)) {
      return undefined;
    }
  }
}

/**
 * @param {string} folder
 * @param {string[]} parts
 */
function collect(folder, parts) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      collect(path, parts);
    } else {
      parts.push(stamp(path));
    }
  }
}

/** @param {string} file */
function stamp(file) {
  return describe(file, statSync(file));
}

/**
 * The change time is there because tools that copy or unpack files can set the modification time.
 * @param {string} file
 * @param {import('node:fs').Stats} stats
 */
function describe(file, stats) {
  return `${file} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
}

/**
 * FNV-1a in two lanes: 64 bits, without the 3 ms that loading node:crypto costs.
 * @param {string} text
 */
function hash(text) {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x5bd1e995);
  }
  return [low, high].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}
