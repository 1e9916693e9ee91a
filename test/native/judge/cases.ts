import { membarrierCases, registrationCases } from './call-cases.ts';
import { descriptorCases } from './descriptor-cases.ts';
import type { JudgeCase } from './judge-case.ts';
import { randomCases, tableCases } from './table-cases.ts';

const DESCRIPTOR_ROUNDS = 1;
const REGISTRATION_ROUNDS = 3;
const MEMBARRIER_ROUNDS = 2;
const RANDOM_CASES = 1000;

/** All that the traced task is judged by. */
export function allCases(): readonly JudgeCase[] {
  return [
    ...descriptorCases(DESCRIPTOR_ROUNDS),
    ...registrationCases(REGISTRATION_ROUNDS),
    ...membarrierCases(MEMBARRIER_ROUNDS),
    ...tableCases(),
    ...randomCases(RANDOM_CASES),
  ];
}
