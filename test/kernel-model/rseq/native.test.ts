import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isFullRun } from '../../support/matrix.ts';
import { type Judge, openJudge } from './judge.ts';
import { randomCase } from './random-case.ts';
import { linesOf, REGISTRATION_SCRIPTS } from './registration-cases.ts';
import { ScriptModel, type Step } from './script.ts';
import { expectedLines, type SectionCase, toSteps } from './section-case.ts';
import { SECTION_CASES } from './section-cases.ts';

const RANDOM_CASES = isFullRun ? 20_000 : 1500;

let judge: Judge | string = 'it was not opened';

beforeAll(async () => {
  judge = await openJudge();
});

afterAll(async () => {
  if (typeof judge !== 'string') await judge.close();
});

beforeEach((context) => {
  if (typeof judge === 'string') context.skip(judge);
});

async function runNatively(steps: readonly Step[]): Promise<string[]> {
  if (typeof judge === 'string') throw new Error(judge);
  return judge.run(steps);
}

/** What each case printed, given the lines of all of them. */
function byCase(cases: readonly SectionCase[], lines: readonly string[]) {
  const perCase = lines.length / cases.length;
  return cases.map(({ name }, index) => {
    return { name, lines: lines.slice(index * perCase, (index + 1) * perCase) };
  });
}

/** What became of a task, from what its case printed. */
function landingOf(lines: readonly string[], position: bigint) {
  const [, landing = '', pointer] = lines;
  if (landing.includes('signal 11 128')) return 'fatal';
  if (pointer !== '0') return 'other';
  return landing === `0x${position.toString(16)}` ? 'clear' : 'abort';
}

describe('the kernel of this machine agrees with the model and the table on', () => {
  test.each([...SECTION_CASES])('%s', async (_, cases) => {
    const native = byCase(cases, await runNatively(cases.flatMap(toSteps)));
    expect(native).toEqual(cases.map((one) => ({ name: one.name, lines: expectedLines(one) })));
  });

  test.each(REGISTRATION_SCRIPTS)('rseq(2): %s', async (_, script) => {
    expect(await runNatively(script.map(([step]) => step))).toEqual(linesOf(script));
  });

  test('random descriptors and positions', { timeout: 120_000 }, async () => {
    const cases = fc.sample(randomCase, { numRuns: RANDOM_CASES, seed: 1 });
    const native = byCase(cases, await runNatively(cases.flatMap(toSteps)));
    const model = new ScriptModel();
    const modelled = cases.map((one) => ({ name: one.name, lines: model.run(toSteps(one)) }));
    const disagreements = native.flatMap((found, index) => {
      const expected = modelled[index];
      return expected !== undefined && found.lines.join() === expected.lines.join()
        ? []
        : [{ found, expected }];
    });
    expect(disagreements).toEqual([]);
    const counts = { fatal: 0, clear: 0, abort: 0, other: 0 };
    native.forEach(({ lines }, index) => {
      counts[landingOf(lines, cases[index]?.position ?? 0n)]++;
    });
    expect(counts.other).toBe(0);
    expect(Math.min(counts.fatal, counts.clear, counts.abort)).toBeGreaterThan(RANDOM_CASES / 20);
  });
});
