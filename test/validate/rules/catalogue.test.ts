import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RULE_IDS, RULES } from '../../../emulator/validate/rules/registry.ts';
import { checkedBy, type Rule } from '../../../emulator/validate/rules/rule.ts';
import { projectRoot } from '../../support/project.ts';

const FOLDER = join(projectRoot, 'emulator/validate/rules');
const ALL: readonly Rule[] = Object.values(RULES);

test('the rules are R1 to R32, in order', () => {
  expect(RULE_IDS).toEqual(Array.from({ length: 32 }, (_, index) => `R${index + 1}`));
  expect(ALL.map(({ id }) => id)).toEqual(RULE_IDS);
});

test('each has a file of its own, named after it', async () => {
  const files = (await readdir(FOLDER)).filter((file) => /^r\d/.test(file));
  const expected = ALL.map(({ id, name }) => `r${id.slice(1).padStart(2, '0')}-${name}.ts`);
  expect(files.toSorted()).toEqual(expected.toSorted());
});

test.each(ALL)('$id is described in full', (rule) => {
  const { name, title, severity, rationale, fix, families, images } = rule;
  expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  expect(title).toMatch(/^\S.{10,110}[^.]$/);
  expect(Object.keys(severity).length).toBeGreaterThan(0);
  expect(rationale).toMatch(/^[^\n]{40,}\.$/);
  expect(fix).toMatch(/^[^\n]{20,}\.$/);
  expect(families.length).toBeGreaterThan(0);
  expect(images.length).toBeGreaterThan(0);
});

test('names are unique, and the ways of checking are those of the reference', () => {
  expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
  const ids = (way: string) =>
    ALL.filter((rule) => checkedBy(rule) === way)
      .map(({ id }) => id)
      .join(' ');
  expect(ids('dynamic')).toBe('R18 R25 R27 R28 R30 R31 R32');
  expect(ids('both')).toBe('R2 R8 R12 R14 R17 R23 R24');
});
