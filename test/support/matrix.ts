import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Whether every case of the large matrices is to be run (`npm run test:full`). */
export const isFullRun = process.env.RSEQ_TESTBED_FULL === '1';

/**
 * The cases of a matrix to run now: all in a full run, else `count` of them, drawn with a fixed
 * seed so that every run tests the same ones, in their order.
 */
export function matrixCases<T>(cases: readonly T[], count: number, full = isFullRun): readonly T[] {
  if (full || count >= cases.length) {
    return cases;
  }
  const random = xoroshiro128plus(1);
  const indices = cases.map((_, index) => index);
  const chosen = new Set(
    Array.from(
      { length: count },
      () => indices.splice(uniformInt(random, 0, indices.length - 1), 1)[0],
    ),
  );
  return cases.filter((_, index) => chosen.has(index));
}
