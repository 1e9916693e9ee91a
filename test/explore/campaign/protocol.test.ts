import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  encodeAnswer,
  type FromWorker,
  readAnswer,
  readRequest,
  type ToWorker,
} from '../../../emulator/explore/campaign/protocol.ts';
import { EMPTY_TALLY } from '../../../emulator/explore/search/tally.ts';
import { FULL_TALLY, SAMPLE_JOB, SAMPLE_PLAN } from './samples.ts';

const REQUESTS: readonly ToWorker[] = [
  { kind: 'open', job: SAMPLE_JOB, libraryPath: '/lib/libunicorn.so.2' },
  { kind: 'plan' },
  { kind: 'explore', index: 1, unit: { stage: 1, from: 0, to: 7 }, schedulesMax: 3 },
  { kind: 'explore', index: 1, unit: { stage: 1, from: 0, to: 7 } },
  { kind: 'stop', index: 1 },
];

const ANSWERS: readonly FromWorker[] = [
  { kind: 'ready', engine: 'unicorn 2.0.1' },
  { kind: 'planned', plan: SAMPLE_PLAN },
  { kind: 'progress', schedules: 3, distinctStates: 4 },
  { kind: 'explored', index: 1, tally: FULL_TALLY, end: 'whole' },
  { kind: 'explored', index: 1, tally: EMPTY_TALLY, end: 'stopped' },
  { kind: 'refused', code: 'usage', message: 'no' },
  { kind: 'broken', message: 'assertion failed' },
];

const overTheChannel = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test.each(REQUESTS)('a request arrives as it was sent: $kind', (request) => {
  expect(readRequest(overTheChannel(request))).toEqual(request);
});

test.each(ANSWERS)('an answer arrives as it was sent: $kind', (answer) => {
  expect(readAnswer(overTheChannel(encodeAnswer(answer)))).toEqual(answer);
});

test('anything else is a mistake of ours', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(() => readRequest(value)).toThrow('assertion failed: a message of the protocol');
      expect(() => readAnswer(value)).toThrow('assertion failed: a message of the protocol');
    }),
  );
});
