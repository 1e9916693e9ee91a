import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { guestDir } from '../guest/guest-files.ts';
import { temporaryFolder } from '../support/project.ts';
import { runCommand } from './capture.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A guest that holds, one that breaks, and a seeded bug. */
const GUESTS = ['counter', 'counter-unprotected'];
const BUG = 's12-syscall';

let manifest: { guests: { name: string; expected: object; files: { bin: { path: string } } }[] };
let index: { bugs: { id: string; buggy: { bin: { path: string } }; fixed: object }[] };
beforeAll(async () => {
  const read = async (name: string) => JSON.parse(await readFile(join(guestDir, name), 'utf8'));
  manifest = await read('manifest.json');
  manifest.guests = manifest.guests.filter(({ name }) => GUESTS.includes(name));
  index = await read('bugs/index.json');
  index.bugs = index.bugs.filter(({ id }) => id === BUG);
});

/** A folder with those guests alone. */
async function folderOf(guests: typeof manifest.guests, bugs: typeof index.bugs): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bugs'));
  for (const name of ['', '-fixed'].map((suffix) => `bugs/${BUG}${suffix}.bin`)) {
    await cp(join(guestDir, name), join(folder, name));
  }
  for (const { path } of guests.map(({ files }) => files.bin)) {
    await cp(join(guestDir, path), join(folder, path));
  }
  const write = (name: string, value: object) =>
    writeFile(join(folder, name), JSON.stringify(value));
  await write('manifest.json', { ...manifest, guests, kernelGuests: [] });
  await write('bugs/index.json', { ...index, bugs });
  return folder;
}

test('all guests and bugs that are as expected: status 0, a row each', async () => {
  const folder = await folderOf(manifest.guests, index.bugs);
  const { status, stdout } = await runCommand('regress', folder, '--json', '-');
  const { schema, rows } = JSON.parse(stdout);
  expect({ status, schema: schema.name }).toEqual({ status: 0, schema: 'rseq-testbed/regress' });
  expect(rows).toMatchObject([
    { name: 'counter', actual: 'exit 0', asExpected: true },
    { name: 'counter-unprotected', actual: 'exit 1', asExpected: true },
    { name: `bugs/${BUG}`, actual: 'fail: exit 1, 0 interrupting', asExpected: true },
    { name: `bugs/${BUG}-fixed`, actual: 'pass', asExpected: true },
  ]);
});

test('each that is not is marked: status 1', async () => {
  const folder = await folderOf(
    manifest.guests.map((guest) => ({
      ...guest,
      expected: { kind: 'exit', status: 0, stdout: '' },
    })),
    index.bugs.map((bug) => ({ ...bug, fixed: bug.buggy })),
  );
  const { status, stdout } = await runCommand('regress', folder);
  expect(status).toBe(1);
  const marked = (name: string) => new RegExp(`^${name} .* NOT AS EXPECTED$`, 'm');
  for (const name of [...GUESTS, `bugs/${BUG}-fixed`]) expect(stdout).toMatch(marked(name));
  expect(stdout).toMatch(/^1 as expected, 3 not$/m);
});

test.each([
  [['/nonexistent'], 'there is no manifest.json in /nonexistent'],
  [['--only', 'no such guest'], '--only matches no guest and no bug'],
  [['--only', '('], '--only takes a regular expression, not "("'],
  [['--json', '/nonexistent/x'], 'cannot write /nonexistent/x: its folder does not exist'],
])('%j is refused', async (args, message) => {
  expect(await runCommand('regress', ...args)).toEqual({
    status: 125,
    stdout: '',
    stderr: `rseq-testbed: ${message}\n`,
  });
});
