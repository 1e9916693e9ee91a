import { chmod, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeProject, temporaryFolder, writeProjectFile } from '../support/project.ts';

const launcher = 'scripts/rseq-testbed.mjs';
const answer = 'kernel-model/answer.ts';

/** A command line with one verb for each way to end. */
const mainSource = `
import yargs from 'yargs';
import { Decoder } from 'iced-x86';
import koffi from 'koffi';
import { answer } from '../../kernel-model/answer.ts';

const verbs: Record<string, () => number | Promise<number>> = {
  say: () => { console.log(answer); return 7; },
  packages: () => { console.log(typeof yargs, typeof Decoder, typeof koffi.load); return 0; },
  url: () => { console.log(import.meta.url); return 0; },
  bundle: () => { console.log(process.env.RSEQ_TESTBED_BUNDLE); return 0; },
  user: () => { throw Object.assign(new Error('no such file'), { name: 'UserError' }); },
  bug: () => { throw new TypeError('our mistake'); },
  later: () => { setTimeout(() => { throw new TypeError('later'); }); return new Promise(() => {}); },
  never: () => new Promise(() => {}),
  open: () => { setInterval(() => {}, 1000); return 3; },
  flood: () => { for (let i = 0; i < 1e6; i++) console.log('line', i); return 0; },
};

export async function main(argv: string[]): Promise<number> {
  return (await verbs[argv[0] ?? '']?.()) ?? 2;
}
`;

const sources = {
  'emulator/cli/main.ts': mainSource,
  [answer]: "export const answer = 'first';\n",
  'scripts/tool.ts':
    'export async function main(argv: string[]): Promise<number> {\n' +
    "  console.log('tool', ...argv);\n  return 0;\n}\n",
};

/** For tests that only run verbs: its bundle is built once. */
let shared: string;
beforeAll(async () => {
  shared = await project(await temporaryFolder(afterAll));
});

function project(root?: string): Promise<string> {
  return makeProject(['package.json', launcher, 'scripts/launcher'], sources, root);
}

async function run(root: string, args: readonly string[], options: Options = {}) {
  const env = { RSEQ_TESTBED_BUNDLE: '', ...options.env };
  const result = await execa(process.execPath, [launcher, ...args], {
    reject: false,
    ...options,
    cwd: root,
    env,
  });
  return { status: result.exitCode, stdout: String(result.stdout), stderr: String(result.stderr) };
}

function bundles(root: string): Promise<string[]> {
  return readdir(join(root, '.cache/rseq-testbed/bundle'));
}

test('a verb gives its output and its status, and nothing else', async () => {
  expect(await run(shared, ['say'])).toEqual({ status: 7, stdout: 'first', stderr: '' });
});

test('unchanged sources are bundled once', async () => {
  const root = await project();
  await run(root, ['say']);
  const before = await bundles(root);
  await run(root, ['say']);
  expect(before).toHaveLength(1);
  expect(await bundles(root)).toEqual(before);
});

test('compiled code is kept with its bundle, and made anew where it is damaged', async () => {
  const root = await project();
  await run(root, ['say']);
  const [bundle = ''] = await bundles(root);
  const folder = join(root, '.cache/rseq-testbed/bundle', bundle);
  const [kept = '', ...others] = (await readdir(folder)).filter((name) => name.endsWith('.cache'));
  expect({ kept, others }).toEqual({
    kept: `cli.cjs.${process.version}-${process.arch}.cache`,
    others: [],
  });
  const { mtimeMs } = await stat(join(folder, kept));
  await run(root, ['say']);
  expect((await stat(join(folder, kept))).mtimeMs).toBe(mtimeMs);

  const whole = await readFile(join(folder, kept));
  const damages: readonly ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.subarray(0, bytes.length / 2),
    (bytes) => bytes.fill(0, bytes.length / 2),
    (bytes) => bytes.subarray(0, 2),
  ];
  for (const damage of damages) {
    await writeFile(join(folder, kept), damage(Buffer.from(whole)));
    expect(await run(root, ['say'])).toEqual({ status: 7, stdout: 'first', stderr: '' });
    expect((await stat(join(folder, kept))).size).toBeGreaterThan(whole.length * 0.9);
  }
});

test('an edited source is what runs next, even with its old size and time', async () => {
  const root = await project();
  expect((await run(root, ['say'])).stdout).toBe('first');
  const { atime, mtime } = await stat(join(root, answer));
  await writeProjectFile(root, answer, "export const answer = 'other';\n");
  await utimes(join(root, answer), atime, mtime);
  expect((await run(root, ['say'])).stdout).toBe('other');
});

test('starts at the same time all run, and leave one bundle', async () => {
  const root = await project();
  const runs = await Promise.all(Array.from({ length: 6 }, () => run(root, ['say'])));
  expect(runs).toEqual(Array(6).fill({ status: 7, stdout: 'first', stderr: '' }));
  expect(await bundles(root)).toHaveLength(1);
});

test('a source that does not parse gives its place, status 125, and no bundle', async () => {
  const root = await project();
  await writeProjectFile(root, answer, 'export const answer = (;\n');
  const { status, stdout, stderr } = await run(root, ['say']);
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
  expect(stderr).toMatch(/^rseq-testbed: the sources do not build:\n/);
  expect(stderr).toContain('kernel-model/answer.ts:1:23');
  expect(await bundles(root)).toEqual([]);
});

test('old bundles are removed, those used lately are kept', async () => {
  const root = await project();
  const folder = join(root, '.cache/rseq-testbed/bundle');
  const longAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
  for (let age = 0; age < 12; age++) {
    await writeProjectFile(folder, `old-${String(age).padStart(2, '0')}/cli.cjs`, '');
    const time = new Date(longAgo.getTime() - age * 1000);
    await utimes(join(folder, `old-${String(age).padStart(2, '0')}`), time, time);
  }
  await utimes(join(folder, 'old-11'), new Date(), new Date());
  await run(root, ['say']);
  const left = (await bundles(root)).filter((name) => name.startsWith('old-'));
  expect(left).toHaveLength(10);
  expect(left).toContain('old-11');
  expect(left).not.toContain('old-10');
});

test('packages work from a bundle outside the project', async () => {
  const root = await project();
  const cache = await temporaryFolder();
  const env = { RSEQ_TESTBED_CACHE: cache };
  expect(await run(root, ['packages'], { env })).toEqual({
    status: 0,
    stdout: 'function function function',
    stderr: '',
  });
  expect(await readdir(join(cache, 'bundle'))).toHaveLength(1);
});

test("where the project cannot be written, the user's cache serves", async () => {
  const root = await project();
  await writeFile(join(root, '.cache'), 'in the way');
  const cache = await temporaryFolder();
  expect((await run(root, ['say'], { env: { XDG_CACHE_HOME: cache } })).stdout).toBe('first');
  expect(await readdir(join(cache, 'rseq-testbed/bundle'))).toHaveLength(1);
});

test('with no folder to write, one line says so', async () => {
  const root = await project();
  const { status, stderr } = await run(root, ['say'], { env: { RSEQ_TESTBED_CACHE: launcher } });
  expect(status).toBe(125);
  expect(stderr).toMatch(/^rseq-testbed: no folder for the bundle can be written: \S+$/);
});

test('import.meta.url names the source', async () => {
  const root = shared;
  expect((await run(root, ['url'])).stdout).toMatch(/^file:.*\/emulator\/cli\/main\.ts$/);
});

test('a script is a verb', async () => {
  expect((await run(shared, ['tool', 'a', '--b'])).stdout).toBe('tool a --b');
});

test('a child runs the code of its parent, whatever was edited meanwhile', async () => {
  const root = await project();
  const handle = (await run(root, ['bundle'])).stdout;
  await writeProjectFile(root, answer, "export const answer = 'edited';\n");
  const env = { RSEQ_TESTBED_BUNDLE: handle };
  expect((await run(root, ['say'], { env })).stdout).toBe('first');
  expect((await run(root, ['say'])).stdout).toBe('edited');
});

test("a user's mistake is one line", async () => {
  expect(await run(shared, ['user'])).toEqual({
    status: 125,
    stdout: '',
    stderr: 'rseq-testbed: no such file',
  });
});

test.each(['bug', 'later'])('our mistake (%s) shows where in the sources', async (verb) => {
  const { status, stderr } = await run(shared, [verb]);
  expect(status).toBe(125);
  expect(stderr).toMatch(/^rseq-testbed: internal error, please report it: TypeError: /);
  expect(stderr).toMatch(/ \(?emulator\/cli\/main\.ts:1[34]:\d+/);
});

test('a verb that never ends is not a success', async () => {
  expect(await run(shared, ['never'])).toMatchObject({
    status: 125,
    stderr: 'rseq-testbed: internal error: the verb never finished',
  });
});

test('what is still open does not keep a finished verb alive', async () => {
  expect((await run(shared, ['open'], { timeout: 20_000 })).status).toBe(3);
});

test('a reader that goes away ends the verb quietly', async () => {
  const root = shared;
  const child = execa(process.execPath, [launcher, 'flood'], { cwd: root, reject: false });
  child.stdout.once('data', () => child.stdout.destroy());
  const { exitCode, stderr } = await child;
  expect({ exitCode, stderr }).toEqual({ exitCode: 141, stderr: '' });
});

test.each(['14.21.3', '18.20.8', '20.18.3'])('Node %s is refused in one line', async (version) => {
  const root = await project();
  const versions = JSON.stringify({ ...process.versions, node: version });
  const pretend = `Object.defineProperty(process, 'versions', { value: ${versions} })`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  const args = ['--import', preload, launcher, 'say'];
  const { exitCode, stdout, stderr } = await execa(process.execPath, args, {
    cwd: root,
    reject: false,
  });
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 125,
    stdout: '',
    stderr: `rseq-testbed: Node 20.19 or newer is needed, this is ${version}`,
  });
});

test('packages that are not installed are named, with what to do', async () => {
  const root = await project();
  await rm(join(root, 'node_modules'));
  const { status, stderr } = await run(root, ['say']);
  expect(status).toBe(125);
  expect(stderr).toMatch(/^rseq-testbed: not installed: .*\bkoffi\b.*; run npm ci in \S+$/);
});

test('the command can be started by its own name', async () => {
  const root = shared;
  await chmod(join(root, launcher), 0o755);
  const { exitCode, stdout } = await execa(join(root, launcher), ['say'], { reject: false });
  expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: 'first' });
});
