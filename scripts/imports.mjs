import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** Folders whose imports are checked, where they exist. */
const folders = ['emulator', 'kernel-model', 'scripts', 'test'];

/**
 * What dependency-cruiser says: how many TypeScript modules it read (without a parser for
 * TypeScript it reads none and finds nothing wrong), and a line for each violation.
 * @typedef {{ modules: number, violations: string[] }} ImportReport
 */

/**
 * Checks the imports of a project's sources against the rules in .dependency-cruiser.cjs.
 * @param {string} root the project's folder
 * @param {string} [configRoot] the folder with the rules, when it is another
 * @returns {Promise<ImportReport>}
 */
export async function checkImports(root, configRoot = root) {
  const present = folders.filter((folder) => existsSync(join(root, folder)));
  const { stdout } = await execa(
    process.execPath,
    [
      join(configRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      ...['--config', join(configRoot, '.dependency-cruiser.cjs'), '--output-type', 'json'],
      ...present,
    ],
    { cwd: root, stdin: 'ignore' },
  );
  /** @type {import('dependency-cruiser').ICruiseResult} */
  const { modules, summary } = JSON.parse(stdout);
  return {
    modules: modules.filter(({ source }) => source.endsWith('.ts') && !isPackage(source)).length,
    violations: summary.violations.map(
      ({ rule, from, to }) => `${rule.name}: ${from === to ? from : `${from} -> ${to}`}`,
    ),
  };
}

/** @param {string} source */
function isPackage(source) {
  return source.includes('node_modules/');
}
