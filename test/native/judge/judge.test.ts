import { release } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { ScriptModel } from '../../kernel-model/rseq/script.ts';
import { allCases } from './cases.ts';
import { expectNoDifference } from './differences.ts';
import { type HostKernel, openHostKernel } from './host-kernel.ts';
import { answersOf, type JudgeCase, questionOf, stepsOf, tripleOf } from './judge-case.ts';
import { digestOf, type RecordingName, readRecording, writeRecording } from './recording.ts';

const RECORDING: RecordingName = 'recorded-6.18';
const CASES_AT_LEAST = 5000;
const TRIPLES_AT_LEAST = 300;
const DISTINCT_AT_LEAST = 0.99;
const CASES = allCases();

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
  const answers = answersOf(await host.run(stepsOf(CASES)));
  await writeRecording(RECORDING, release(), CASES.map(questionOf), answers);
}

function askModel(profile: KernelProfile, cases: readonly JudgeCase[]): string[] {
  return answersOf(new ScriptModel(profile).run(stepsOf(cases)));
}

const models = new Map<KernelProfile, readonly string[]>();

/** The model's answers to all cases, asked once. */
function answersUnder(profile: KernelProfile): readonly string[] {
  const answers = models.get(profile) ?? askModel(profile, CASES);
  models.set(profile, answers);
  return answers;
}

test('the cases are many, hardly one of them asked twice, and of many kinds', () => {
  const questions = new Set(CASES.map(questionOf)).size;
  expect(questions).toBeGreaterThanOrEqual(CASES_AT_LEAST);
  expect(questions).toBeGreaterThanOrEqual(CASES.length * DISTINCT_AT_LEAST);
  expect(new Set(CASES.map(tripleOf)).size).toBeGreaterThanOrEqual(TRIPLES_AT_LEAST);
});

describe('the model answers case by case', () => {
  test('as the kernel whose answers are recorded', async () => {
    const recorded = await readRecording(RECORDING);
    expect(recorded.map(({ digest }) => digest)).toEqual(CASES.map(questionOf).map(digestOf));
    const kernel = recorded.map(({ answer }) => answer);
    expectNoDifference('judge', CASES, kernel, answersUnder(LINUX_6_18));
  });

  test('as the kernel of this machine', async (context) => {
    context.skip(typeof host === 'string', typeof host === 'string' ? host : '');
    if (typeof host === 'string') return;
    const kernel = answersOf(await host.run(stepsOf(CASES)));
    expectNoDifference('judge', CASES, kernel, answersUnder(host.profile));
  });
});

test('the cases end in every way', async () => {
  const answers = await readRecording(RECORDING);
  const count = (pattern: RegExp) => answers.filter(({ answer }) => pattern.test(answer)).length;
  const least = answers.length / 20;
  expect(count(/signal 11 128 0/)).toBeGreaterThan(least);
  expect(count(/^0; 0x[^ ]*; 0; /)).toBeGreaterThan(least);
  expect(count(/^0; handler 0x[^ ]*; 0; /)).toBeGreaterThan(least);
});
