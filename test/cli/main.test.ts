import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { projectRoot } from '../support/project.ts';
import { runCommand } from './capture.ts';

test('--version prints the version of package.json', async () => {
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8'));
  const printed: string[] = [];
  const spy = vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(line));
  const result = await runCommand('--version');
  spy.mockRestore();
  expect(result).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(printed).toEqual([`rseq-testbed ${version}`]);
});
