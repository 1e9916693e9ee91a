/**
 * `npm run lint`: format and lint rules, types, direction of imports, dead code, all at the same
 * time. Prints what is wrong and ends with status 1 if anything is.
 */

import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { checkImports } from './imports.mjs';

/**
 * What a check found: nothing, or text that says what is wrong.
 * @typedef {() => Promise<string>} Check
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @type {Record<string, Check>} */
const checks = {
  'format and rules': () => tool('biome', ['check', '--error-on-warnings']),
  types: () => tool('tsc', ['--noEmit', '--project', '.']),
  imports: importProblems,
  'dead code': () => tool('knip', ['--no-progress']),
};

/**
 * Runs a tool of node_modules; its output, when it fails.
 * @param {string} name
 * @param {string[]} args
 */
async function tool(name, args) {
  const { failed, all, message } = await execa(name, args, {
    cwd: root,
    localDir: root,
    preferLocal: true,
    stdin: 'ignore',
    reject: false,
    all: true,
  });
  return failed ? all || message || name : '';
}

async function importProblems() {
  const { modules, violations } = await checkImports(root);
  return modules > 0 ? violations.join('\n') : 'no TypeScript module was read';
}

/**
 * @param {[string, Check]} entry
 * @returns {Promise<boolean>} whether nothing was wrong
 */
async function report([name, check]) {
  const start = performance.now();
  const problem = await check();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(`${problem ? 'FAILED' : 'ok'}  ${name} (${seconds} s)\n`);
  if (problem) {
    process.stdout.write(`${problem}\n`);
  }
  return !problem;
}

const results = await Promise.all(Object.entries(checks).map(report));
process.exitCode = results.every(Boolean) ? 0 : 1;
