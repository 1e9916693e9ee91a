import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CampaignFolder } from '../../../emulator/explore/campaign/folder.ts';
import { EMPTY_TALLY } from '../../../emulator/explore/search/tally.ts';
import { temporaryFolder } from '../../support/project.ts';
import { FULL_TALLY, SAMPLE_JOB, SAMPLE_PLAN } from './samples.ts';

const FIRST = { ...EMPTY_TALLY, schedules: 1 };

/** A folder with two results, left. */
async function makeCampaign(): Promise<string> {
  const path = join(await temporaryFolder(), 'new', 'campaign');
  const folder = CampaignFolder.create(path, SAMPLE_JOB);
  folder.begin(SAMPLE_PLAN, 'unicorn 2.0.1');
  folder.append(0, FIRST);
  folder.append(1, FULL_TALLY);
  folder.close();
  return path;
}

function open(path: string): CampaignFolder {
  const folder = CampaignFolder.open(path);
  folder.close();
  return folder;
}

test('what was written is known again', async () => {
  const { job, known } = open(await makeCampaign());
  expect(job).toEqual(SAMPLE_JOB);
  expect(known.plan).toEqual(SAMPLE_PLAN);
  expect([...known.tallies]).toEqual([
    [0, FIRST],
    [1, FULL_TALLY],
  ]);
});

test('a line that was being written does not count, and the next one is not added to it', async () => {
  const path = await makeCampaign();
  const log = join(path, 'results.log');
  const text = await readFile(log, 'utf8');
  for (const length of [1, 20, text.indexOf('\n') - 1]) {
    await writeFile(log, text + text.slice(0, length));
    const folder = CampaignFolder.open(path);
    expect(folder.known.tallies.size).toBe(2);
    folder.append(0, FIRST);
    folder.close();
    expect(open(path).known.tallies.size).toBe(2);
    expect(await readFile(log, 'utf8')).toMatch(/^[^\n]+\n[^\n]+\n[^\n]+\n$/);
  }
});

test('a campaign that was left before its plan was known begins anew', async () => {
  const path = join(await temporaryFolder(), 'campaign');
  CampaignFolder.create(path, SAMPLE_JOB).close();
  expect(open(path).known).toEqual({ plan: undefined, tallies: new Map() });
});

test('any changed character is seen', async () => {
  const path = await makeCampaign();
  for (const name of ['job.json', 'plan.json', 'results.log']) {
    const file = join(path, name);
    const text = await readFile(file, 'utf8');
    // Without the last newline, the log's last line does not count.
    const positions = fc.nat(text.length - 2);
    await fc.assert(
      fc.asyncProperty(positions, fc.constantFrom('0', '7', ' ', '"', 'x'), async (at, letter) => {
        fc.pre(text[at] !== letter);
        await writeFile(file, text.slice(0, at) + letter + text.slice(at + 1));
        expect(() => open(path)).toThrow(
          expect.objectContaining({
            code: 'checkpoint-damaged',
            message: expect.stringMatching(/^[^\n]+ is damaged, or of another version$/),
          }),
        );
      }),
    );
    await writeFile(file, text);
  }
  expect(open(path).known.tallies.size).toBe(2);
});

test('a result of a unit that the plan does not have is damage', async () => {
  const path = await makeCampaign();
  const folder = CampaignFolder.open(path);
  folder.append(2, FIRST);
  folder.close();
  expect(() => open(path)).toThrow(/results\.log line 3 is damaged/);
});

test('a folder is one campaign of one process', async () => {
  const path = await makeCampaign();
  expect(() => CampaignFolder.create(path, SAMPLE_JOB)).toThrow(
    expect.objectContaining({ code: 'campaign-exists' }),
  );
  const folder = CampaignFolder.open(path);
  expect(() => CampaignFolder.open(path)).toThrow(
    expect.objectContaining({ code: 'campaign-in-use', message: expect.stringMatching(/process/) }),
  );
  folder.close();
  expect(await readdir(path)).not.toContain('lock');
  open(path);
});

test.each(['', 'nonsense', '999999999 1', `${process.pid} 1`])(
  'a lock of a process that has gone does not count: %j',
  async (lock) => {
    const path = await makeCampaign();
    await appendFile(join(path, 'lock'), lock);
    expect(open(path).known.tallies.size).toBe(2);
  },
);

test('nor does that of one that was killed, if nobody asks for its status', async (context) => {
  context.skip(process.platform !== 'linux', 'it looks into /proc');
  const path = await makeCampaign();
  // Its parent becomes a program that never asks.
  const parent = execa('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { reject: false });
  onTestFinished(() => {
    parent.kill('SIGKILL');
  });
  const [pid] = await once(parent.stdout, 'data').then(([data]) => String(data).trim().split(' '));
  const fields = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  await vi.waitUntil(() => fields()[2] === 'Z', { timeout: 10_000 });
  await writeFile(join(path, 'lock'), `${pid} ${fields()[21]}`);
  expect(open(path).known.tallies.size).toBe(2);
});

test('a folder that is none is refused in one line', async () => {
  const path = await temporaryFolder();
  expect(() => CampaignFolder.open(path)).toThrow(/ holds no campaign$/);
  expect(() => CampaignFolder.open(join(path, 'missing'))).toThrow(/ holds no campaign$/);
  const file = join(path, 'file');
  await writeFile(file, '');
  expect(() => CampaignFolder.create(file, SAMPLE_JOB)).toThrow(/^cannot write .*: EEXIST$/);
  expect(() => CampaignFolder.create('/proc/none/x', SAMPLE_JOB)).toThrow(
    /^cannot write .*: ENOENT$/,
  );
});
