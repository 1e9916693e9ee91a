import { release } from 'node:os';
import { beforeAll, describe, expect, test } from 'vitest';
import { openMachine } from '../../../emulator/machine/open.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { isFullRun, matrixCases } from '../../support/matrix.ts';
import { unicornLibrary } from '../../support/unicorn.ts';
import { expectNoDifference } from './differences.ts';
import { guestCases } from './guest-cases.ts';
import { askHost, buildGuest, GUEST_PROGRAM, openHost } from './guest-host.ts';
import { answerScripts, emulatedRunner } from './guest-runs.ts';
import { digestOf, type RecordingName, readRecording, writeRecording } from './recording.ts';

const RECORDING: RecordingName = 'recorded-6.18-guest';
const ALL = guestCases();
const CHOSEN = matrixCases([...ALL.keys()], 250);
const CASES = CHOSEN.flatMap((i) => ALL[i] ?? []);
const SCRIPTS = CASES.map(({ script }) => script);
const SCRIPTS_AT_LEAST = 5000;
const DISTINCT_AT_LEAST = 0.98;
/** A busy machine takes its tasks off their CPUs now and then. */
const REPEATED_AT_MOST = 0.3;

async function askMachine(profile: KernelProfile, scripts: readonly string[]): Promise<string[]> {
  const machine = openMachine({ libraryPath: await unicornLibrary() });
  return answerScripts(emulatedRunner(machine, GUEST_PROGRAM, profile), scripts);
}

const RECORDING_MILLISECONDS = 10 * 60_000;
/** A busy machine is asked again and again. */
const ASKING_MILLISECONDS = isFullRun ? RECORDING_MILLISECONDS : 120_000;

let machine618: readonly string[];

beforeAll(async () => {
  if (process.env.RSEQ_TESTBED_RECORD === '1') await record();
  machine618 = await askMachine(LINUX_6_18, SCRIPTS);
}, RECORDING_MILLISECONDS);

/** Replaces guest and recorded answers; what the machine answers only tells which to ask again. */
async function record(): Promise<void> {
  await buildGuest();
  if ((await openHost()) !== LINUX_6_18) throw new Error(`not a kernel to record: ${release()}`);
  const scripts = ALL.map(({ script }) => script);
  const { answers } = await askHost(ALL, await askMachine(LINUX_6_18, scripts));
  await writeRecording(RECORDING, release(), scripts, answers);
}

test('the scripts are many, and hardly one is asked twice', () => {
  const scripts = new Set(ALL.map(({ script }) => script)).size;
  expect(scripts).toBeGreaterThanOrEqual(SCRIPTS_AT_LEAST);
  // Before and behind the end of a section of no bytes is the same place.
  expect(scripts).toBeGreaterThanOrEqual(ALL.length * DISTINCT_AT_LEAST);
});

describe('a program has the same answers in the machine', () => {
  test('as from the kernel whose answers are recorded', async () => {
    const recorded = await readRecording(RECORDING);
    const digests = recorded.map(({ digest }) => digest);
    expect(digests).toEqual(ALL.map(({ script }) => digestOf(script)));
    const kernel = CHOSEN.map((i) => recorded[i]?.answer ?? '');
    expectNoDifference('guest', CASES, kernel, machine618);
  });

  test('as from the kernel of this machine', { timeout: ASKING_MILLISECONDS }, async (context) => {
    const profile = await openHost();
    context.skip(typeof profile === 'string', typeof profile === 'string' ? profile : '');
    if (typeof profile === 'string') return;
    const expected = profile === LINUX_6_18 ? machine618 : await askMachine(profile, SCRIPTS);
    const { answers, repeated } = await askHost(CASES, expected);
    expectNoDifference('guest', CASES, answers, expected);
    expect(repeated).toBeLessThanOrEqual(SCRIPTS.length * REPEATED_AT_MOST);
  });
});
