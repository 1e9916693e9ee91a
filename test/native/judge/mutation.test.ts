import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ScriptModel } from '../../kernel-model/rseq/script.ts';
import { matrixCases } from '../../support/matrix.ts';
import { projectRoot } from '../../support/project.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { allCases } from './cases.ts';
import { guestCases } from './guest-cases.ts';
import { GUEST_PROGRAM } from './guest-host.ts';
import { GUEST_MUTATIONS } from './guest-mutations.ts';
import { answersOf, stepsOf } from './judge-case.ts';
import { bundleMutant, mutate } from './mutant.ts';
import { type Mutation, TRACED_MUTATIONS } from './mutations.ts';
import { readRecording } from './recording.ts';

const RULES_AT_LEAST = 40;
/** Few cases at first: most mistakes show soon. */
const STRIDE = 11;
const GUEST_STRIDE = 29;
const GUEST_MILLISECONDS = 60_000;
const PATIENCE = 2 * GUEST_MILLISECONDS;

const CASES = allCases();
const GUEST_CASES = guestCases();
const MUTATIONS = [...TRACED_MUTATIONS, ...GUEST_MUTATIONS];
const CHOSEN = [...matrixCases(TRACED_MUTATIONS, 3), ...matrixCases(GUEST_MUTATIONS, 2)];

let folder: string;
let expected: string[];
let expectedOfGuest: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rseq-testbed-mutants-'));
  await symlink(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  expectedOfGuest = (await readRecording('recorded-6.18-guest')).map(({ answer }) => answer);
  expected = (await readRecording('recorded-6.18')).map(({ answer }) => answer);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface TracedModule {
  readonly ScriptModel: typeof ScriptModel;
}

function isTraced(module: object): module is TracedModule {
  return 'ScriptModel' in module;
}

/**
 * The number of cases after which the recorded kernel and the model disagree; undefined if never. What
 * a model throws is no answer that could differ: a mistake that crashes it must be found before that.
 */
async function firstDifference(mutation: Mutation | undefined): Promise<number | undefined> {
  const entry = 'test/kernel-model/rseq/script.ts';
  const bundle = await bundleMutant(folder, entry, mutation);
  const mutant: object = await import(pathToFileURL(bundle).href);
  if (!isTraced(mutant)) throw new Error(`${entry} has no model`);
  const indices = [...CASES.keys()];
  const order = [
    ...indices.filter((i) => i % STRIDE === 0),
    ...indices.filter((i) => i % STRIDE !== 0),
  ];
  const model = new mutant.ScriptModel();
  for (const [count, i] of order.entries()) {
    const one = CASES[i];
    if (one === undefined) throw new Error(`there is no case ${i}`);
    if (answersOf(model.run(stepsOf([one])))[0] !== expected[i]) return count + 1;
  }
  return undefined;
}

test('the rules are many, each with a name of its own and a source that it changes', async () => {
  expect(new Set(MUTATIONS.map(({ rule }) => rule)).size).toBe(MUTATIONS.length);
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(RULES_AT_LEAST);
  for (const mutation of MUTATIONS) expect(await mutate(mutation)).not.toBe('');
});

test('the judge has nothing against the model as it is', { timeout: PATIENCE }, async () => {
  expect(await firstDifference(undefined)).toBeUndefined();
  const sample = [...GUEST_CASES.keys()].filter((i) => i % GUEST_STRIDE === 0);
  expect(await differencesOfGuest(undefined, sample)).toBe(0);
});

/**
 * How many scripts the program, in a machine of its own process, answers otherwise than the kernel did.
 * A process that crashes has not answered: that is an error, whatever it wrote before.
 */
async function differencesOfGuest(mutation: Mutation | undefined, indices: readonly number[]) {
  const bundle = await bundleMutant(folder, 'test/native/judge/mutant-guest.ts', mutation);
  const scripts = join(folder, 'scripts');
  await writeFile(scripts, indices.map((i) => `${GUEST_CASES[i]?.script}\n`).join(''));
  const args = [bundle, await unicornLibrary(), GUEST_PROGRAM, scripts];
  const { stdout } = await execa(process.execPath, args, { timeout: GUEST_MILLISECONDS });
  const answers = stdout.split('\n');
  expect(answers.length).toBe(indices.length);
  return indices.filter((i, at) => answers[at] !== expectedOfGuest[i]).length;
}

test('a model that crashes is an error, and no difference', { timeout: PATIENCE }, async () => {
  const [from, to] = ['noteFailedAttempt(task, outcome.region);', "throw new Error('crashed');"];
  const crash = { rule: 'crash', file: 'rseq/settle.ts', from, to } as const;
  await expect(firstDifference({ ...crash, seenBy: 'traced' })).rejects.toThrow('crashed');
  const sample = [...GUEST_CASES.keys()].filter((i) => i % GUEST_STRIDE === 0);
  const asked = differencesOfGuest({ ...crash, seenBy: 'guest' }, sample);
  await expect(asked).rejects.toThrow('crashed');
});

/** A sample of all scripts, and those that come to the point. */
function guestSample({ causes }: Mutation): number[] {
  return [...GUEST_CASES.keys()].filter((i) => {
    const { subject, cause } = GUEST_CASES[i] ?? {};
    return i % GUEST_STRIDE === 0 || (subject === 'valid' && causes?.test(cause ?? ''));
  });
}

describe('the judge sees it when the model forgets that', { timeout: PATIENCE }, () => {
  test.each(CHOSEN.filter(({ seenBy }) => seenBy === 'traced'))('$rule', async (mutation) => {
    expect(await firstDifference(mutation)).toBeDefined();
  });

  test.each(CHOSEN.filter(({ seenBy }) => seenBy === 'guest'))('$rule', async (mutation) => {
    expect(await differencesOfGuest(mutation, guestSample(mutation))).toBeGreaterThan(0);
  });
});
