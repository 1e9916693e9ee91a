import { release } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { ScriptModel } from '../../kernel-model/rseq/script.ts';
import { isFullRun } from '../../support/matrix.ts';
import { allCases } from './cases.ts';
import { type HostKernel, openHostKernel } from './host-kernel.ts';
import { answersOf, digestOf, type JudgeCase, stepsOf, tripleOf } from './judge-case.ts';
import { readRecording, writeRecording } from './recording.ts';

const CASES_AT_LEAST = 5000;
const TRIPLES_AT_LEAST = 300;
const ROUNDS = isFullRun ? 10 : 1;

let host: HostKernel | string = 'it was not opened';

beforeAll(async () => {
  host = await openHostKernel();
  if (process.env.RSEQ_TESTBED_RECORD === '1') await record();
});

afterAll(async () => {
  if (typeof host !== 'string') await host.close();
});

/** Replaces the recorded answers by those of this machine's kernel. */
async function record(): Promise<void> {
  if (typeof host === 'string') throw new Error(host);
  if (host.profile !== LINUX_6_18) throw new Error(`not a kernel to record: ${release()}`);
  const cases = allCases();
  await writeRecording(release(), cases, answersOf(await host.run(stepsOf(cases))));
}

function askModel(profile: KernelProfile, cases: readonly JudgeCase[]): string[] {
  return answersOf(new ScriptModel(profile).run(stepsOf(cases)));
}

/** The cases that a kernel and the model answer differently; prints how many there are. */
function compare(cases: readonly JudgeCase[], kernel: readonly string[], model: readonly string[]) {
  expect([kernel.length, model.length]).toEqual([cases.length, cases.length]);
  const differences = cases.flatMap((one, i) =>
    kernel[i] === model[i] ? [] : [{ case: tripleOf(one), kernel: kernel[i], model: model[i] }],
  );
  const triples = new Set(cases.map(tripleOf)).size;
  console.log(
    `judge: ${cases.length} cases, ${triples} triples, ${differences.length} differences`,
  );
  expect(differences.slice(0, 10)).toEqual([]);
  expect(cases.length).toBeGreaterThanOrEqual(CASES_AT_LEAST);
  expect(triples).toBeGreaterThanOrEqual(TRIPLES_AT_LEAST);
}

describe('the model answers case by case', () => {
  test('as the kernel whose answers are recorded', async () => {
    const cases = allCases();
    const { answers } = await readRecording();
    expect(answers.map(({ digest }) => digest)).toEqual(cases.map(digestOf));
    compare(
      cases,
      answers.map(({ answer }) => answer),
      askModel(LINUX_6_18, cases),
    );
  });

  test('as the kernel of this machine', async (context) => {
    context.skip(typeof host === 'string', typeof host === 'string' ? host : '');
    if (typeof host === 'string') return;
    const cases = allCases(ROUNDS);
    const native = answersOf(await host.run(stepsOf(cases)));
    compare(cases, native, askModel(host.profile, cases));
  });
});

test('the cases end in every way', async () => {
  const { answers } = await readRecording();
  const count = (pattern: RegExp) => answers.filter(({ answer }) => pattern.test(answer)).length;
  const least = answers.length / 20;
  expect(count(/signal 11 128 0/)).toBeGreaterThan(least);
  expect(count(/^0; 0x[^ ]*; 0; /)).toBeGreaterThan(least);
  expect(count(/^0; handler 0x[^ ]*; 0; /)).toBeGreaterThan(least);
});
