import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ScriptModel } from '../../kernel-model/rseq/script.ts';
import { matrixCases } from '../../support/matrix.ts';
import { allCases } from './cases.ts';
import { answersOf, stepsOf } from './judge-case.ts';
import { loadMutant, mutate } from './mutant.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { readRecording } from './recording.ts';

const RULES_AT_LEAST = 40;
/** Few cases at first: most mistakes show soon. */
const STRIDE = 11;

const CASES = allCases();
const CHOSEN = matrixCases(MUTATIONS, 12);

let folder: string;
let expected: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-mutants-'));
  expected = (await readRecording('recorded-6.18')).map(({ answer }) => answer);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface TracedModule {
  readonly ScriptModel: typeof ScriptModel;
}

function isTraced(module: object): module is TracedModule {
  return 'ScriptModel' in module;
}

/** The number of cases after which the recorded kernel and the model disagree; undefined if never. */
async function firstDifference(mutation: Mutation | undefined): Promise<number | undefined> {
  const entry = 'test/kernel-model/rseq/script.ts';
  const mutant = await loadMutant(folder, entry, mutation, isTraced);
  const indices = [...CASES.keys()];
  const order = [
    ...indices.filter((i) => i % STRIDE === 0),
    ...indices.filter((i) => i % STRIDE !== 0),
  ];
  const model = new mutant.ScriptModel();
  for (const [count, i] of order.entries()) {
    const one = CASES[i];
    if (one === undefined || answerOf(model, one) !== expected[i]) return count + 1;
  }
  return undefined;
}

/** What a model that a mistake confused throws is an answer as well. */
function answerOf(model: ScriptModel, one: (typeof CASES)[number]): string | undefined {
  try {
    return answersOf(model.run(stepsOf([one])))[0];
  } catch (error) {
    return String(error);
  }
}

test('the rules are many, each with a name of its own and a source that it changes', async () => {
  expect(new Set(MUTATIONS.map(({ rule }) => rule)).size).toBe(MUTATIONS.length);
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(RULES_AT_LEAST);
  for (const mutation of MUTATIONS) expect(await mutate(mutation)).not.toBe('');
});

test('the judge has nothing against the model as it is', async () => {
  expect(await firstDifference(undefined)).toBeUndefined();
});

describe('the judge sees it when the model forgets that', () => {
  test.each(CHOSEN.filter(({ seenBy }) => seenBy === 'traced'))('$rule', async (mutation) => {
    expect(await firstDifference(mutation)).toBeDefined();
  });
});
