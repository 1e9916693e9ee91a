import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { makeProject, projectRoot } from '../support/project.ts';
import { forbiddenSkips } from '../support/skip-policy.ts';

const allowed = [{ test: 'a.test.ts > suite', reason: 'no rseq' }];

function isForbidden(name: string, reason: string | undefined, inCi: boolean): boolean {
  return forbiddenSkips([{ test: name, reason }], allowed, inCi).length > 0;
}

describe('a skipped test', () => {
  test.each([
    ['a.test.ts > suite > one', 'no rseq', false],
    ['a.test.ts > suite > one', 'no rseq: ENOSYS', false],
    ['a.test.ts > suite > one', 'no gcc', true],
    ['a.test.ts > suite two', 'no rseq', true],
    ['b.test.ts > suite', 'no rseq', true],
    ['a.test.ts > suite', undefined, true],
  ])('%s (%s) fails in CI: %s', (name, reason, forbidden) => {
    expect(isForbidden(name, reason, true)).toBe(forbidden);
  });

  test('fails elsewhere only without a reason', () => {
    expect(isForbidden('b.test.ts', 'no gcc', false)).toBe(false);
    expect(isForbidden('b.test.ts', undefined, false)).toBe(true);
  });
});

const config = `
import { defineConfig } from 'vitest/config';
import ClosingReporter from './test/support/closing-reporter.ts';

export default defineConfig({ test: { reporters: ['default', new ClosingReporter()] } });
`;
const suite = `
import { beforeAll, describe, expect, test } from 'vitest';

test('passes', () => {});
test('skips', (context) => context.skip(true, 'no gcc here'));
`;
const brokenSuite = `
describe('broken', () => {
  beforeAll(() => { throw new Error('no'); });
  test('is not run', () => {});
});
test('fails', () => expect(1).toBe(2));
`;

/** The last lines of a run over one test file, and its status. */
async function runVitest(text: string, ci: string) {
  const root = await makeProject(['test/support'], {
    'package.json': '{ "type": "module" }',
    'vitest.config.ts': config,
    'a.test.ts': text,
  });
  const args = [join(projectRoot, 'node_modules/vitest/vitest.mjs'), 'run'];
  const { stdout, exitCode } = await execa(process.execPath, args, {
    cwd: root,
    env: { CI: ci },
    reject: false,
  });
  return { exitCode, lines: stdout.trim().split('\n').slice(-2) };
}

describe('the closing lines of a run', () => {
  test('give the reason of a skipped test', async () => {
    expect(await runVitest(suite, '')).toEqual({
      exitCode: 0,
      lines: ['skipped: a.test.ts > skips: no gcc here', '1 passed, 0 failed, 1 skipped'],
    });
  });

  test('count it as failed in CI, where it is not on the list', async () => {
    expect(await runVitest(suite, 'true')).toEqual({
      exitCode: 1,
      lines: [
        'FAILED, not to be skipped: a.test.ts > skips: no gcc here',
        '1 passed, 1 failed, 0 skipped',
      ],
    });
  });

  test('count what breaks outside tests', async () => {
    const { exitCode, lines } = await runVitest(`${suite}${brokenSuite}`, '');
    expect({ exitCode, line: lines.at(-1) }).toEqual({
      exitCode: 1,
      line: '1 passed, 3 failed, 1 skipped',
    });
    const missing = await runVitest("import './missing.ts';", '');
    expect(missing).toMatchObject({ exitCode: 1, lines: [{}, '0 passed, 1 failed, 0 skipped'] });
  });
});
