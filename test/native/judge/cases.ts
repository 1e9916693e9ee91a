import { membarrierCases, registrationCases } from './call-cases.ts';
import { descriptorCases } from './descriptor-cases.ts';
import type { JudgeCase } from './judge-case.ts';
import { randomCases, tableCases } from './table-cases.ts';

const REGISTRATION_ROUNDS = 3;
const MEMBARRIER_ROUNDS = 2;
const RANDOM_CASES = 1000;

/** All that the traced task is judged by; `rounds` more of them with other addresses. */
export function allCases(rounds = 1): readonly JudgeCase[] {
  return [
    ...descriptorCases(rounds),
    ...registrationCases(REGISTRATION_ROUNDS * rounds),
    ...membarrierCases(MEMBARRIER_ROUNDS),
    ...tableCases(),
    ...randomCases(RANDOM_CASES * rounds),
  ];
}
