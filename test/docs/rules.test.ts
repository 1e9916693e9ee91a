import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatRulesDocument } from '../../emulator/report/rules.ts';
import { projectRoot } from '../support/project.ts';

test('the page of the rules is the one that the catalogue gives', async () => {
  const page = await readFile(join(projectRoot, 'docs/rules.md'), 'utf8');
  expect(page, 'npm run rules -- --markdown docs/rules.md').toBe(formatRulesDocument());
});
