import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { CLAIMS } from '../../emulator/compare/claims.ts';
import { compare } from '../../emulator/compare/compare.ts';
import { type CompareReport, formatDocument, formatReport } from '../../emulator/compare/report.ts';
import { DEFAULT_KERNELS } from '../../emulator/compare/subject.ts';
import { openMachine } from '../../emulator/machine/open.ts';
import { PROFILES } from '../../kernel-model/rseq/registry.ts';
import { projectRoot } from '../support/project.ts';
import { unicornLibrary } from '../support/unicorn.ts';
import { PERTURBATIONS } from './perturbations.ts';

const COMMAND = 'npm run compare -- --workload counter --markdown docs/abi-debate.md';

let report: CompareReport;
beforeAll(async () => {
  const machine = openMachine({ libraryPath: await unicornLibrary(), logReads: true });
  const profiles = DEFAULT_KERNELS.map((name) => PROFILES[name]);
  report = await compare(machine, { kind: 'workload', workload: 'counter' }, profiles);
}, 60_000);

test('every ABI has a row', () => {
  expect(report.rows.map(({ profile }) => profile)).toEqual([...DEFAULT_KERNELS]);
  for (const { fastPathInstructions } of report.rows) {
    expect(Number.isInteger(fastPathInstructions)).toBe(true);
    expect(fastPathInstructions).toBeGreaterThan(5);
  }
});

test('docs/abi-debate.md is what the command in it writes', async () => {
  const document = await readFile(join(projectRoot, 'docs', 'abi-debate.md'), 'utf8');
  expect(formatDocument(report, COMMAND)).toBe(document);
});

test('the tables fit a terminal', () => {
  for (const line of formatReport(report).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

describe('claims', () => {
  test('are C1 to C14, each holds over what was measured, and each has a perturbation', () => {
    const ids = Array.from({ length: 14 }, (_, i) => `C${i + 1}`);
    expect(report.claims.map(({ id }) => id)).toEqual(ids);
    expect(new Set(PERTURBATIONS.map(({ claim }) => claim))).toEqual(new Set(ids));
    for (const { id, holds, figures } of report.claims) {
      expect({ id, holds }).toEqual({ id, holds: true });
      expect(Object.keys(figures).length).toBeGreaterThan(0);
    }
  });

  test.each(PERTURBATIONS)('$claim turns with $what', ({ claim, change }) => {
    const judge = CLAIMS.find(({ id }) => id === claim)?.judge;
    const before = judge?.(report);
    const after = judge?.(change(report));
    expect([before?.holds, after?.holds]).toEqual([true, false]);
    expect(after?.figures).not.toEqual(before?.figures);
  });

  test('are left open without their rows', () => {
    for (const { judge } of CLAIMS) expect(judge({ rows: [] })).toBeUndefined();
  });
});
