import { expect, test } from 'vitest';
import { matrixCases } from '../support/matrix.ts';

const cases = Array.from({ length: 100 }, (_, index) => index);

test('a sample is the same each time, in order, and without repeats', () => {
  const sample = matrixCases(cases, 10, false);
  expect(new Set(sample).size).toBe(10);
  expect(sample).toEqual([...sample].sort((a, b) => a - b));
  expect(matrixCases(cases, 10, false)).toEqual(sample);
});

test('a full run takes every case, and so does a sample of that size', () => {
  expect(matrixCases(cases, 10, true)).toEqual(cases);
  expect(matrixCases(cases, 100, false)).toEqual(cases);
});
