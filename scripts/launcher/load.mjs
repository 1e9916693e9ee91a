import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

/**
 * Runs a file that build.mjs made and gives what it exports. What V8 made of the code is kept beside
 * it, by the version of Node, so that the next start does not compile it again.
 * @param {string} file
 * @returns {{ main(argv: string[]): Promise<number> }}
 */
export function loadBundle(file) {
  const cache = `${file}.${process.version}-${process.arch}.cache`;
  // The build writes ASCII: this is the fastest way to such a string.
  const source = readFileSync(file, 'latin1');
  const filename = pathToFileURL(file).href;
  const cachedData = readIfWhole(cache);
  const script = new Script(source, { filename, ...(cachedData && { cachedData }) });
  if (!cachedData || script.cachedDataRejected) {
    // At the end, when what a run needs has been compiled.
    process.on('exit', () => writeWhole(cache, script.createCachedData()));
  }
  const module = { exports: {} };
  script.runInThisContext()(createRequire(file), module, module.exports, filename);
  return /** @type {{ main(argv: string[]): Promise<number> }} */ (module.exports);
}

/** V8 takes damaged data for what it is not, and crashes: a checksum stands before it. */
const checksumBytes = 4;

/** @param {string} file */
function readIfWhole(file) {
  try {
    const content = readFileSync(file);
    const data = content.subarray(checksumBytes);
    return content.readUInt32LE(0) === checksum(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} file
 * @param {Buffer} data
 */
function writeWhole(file, data) {
  const unfinished = `${file}-${process.pid}`;
  try {
    const head = Buffer.alloc(checksumBytes);
    head.writeUInt32LE(checksum(data));
    writeFileSync(unfinished, Buffer.concat([head, data]));
    renameSync(unfinished, file);
  } catch {
    // A read-only cache still serves its bundles.
  }
}

/**
 * FNV-1a over words, and over the bytes that are left.
 * @param {Buffer} data
 */
function checksum(data) {
  const words = new Int32Array(Uint8Array.from(data).buffer, 0, data.length >> 2);
  let hash = 0x811c9dc5 ^ data.length;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x01000193);
  }
  for (const byte of data.subarray(words.length * 4)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
