import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { WorkUnit } from './unit.ts';

/** Schedules that one unit draws at most. */
const RUNS_OF_A_UNIT = 64;

/** Units of so many runs, by their numbers. */
export function unitsOfRuns(runs: number): WorkUnit[] {
  const units: WorkUnit[] = [];
  for (let from = 0; from < runs; from += RUNS_OF_A_UNIT) {
    units.push({ stage: 0, from, to: Math.min(from + RUNS_OF_A_UNIT, runs) - 1 });
  }
  return units;
}

/** The draws of one run: they depend on the seed and the run's number alone. */
export class Draws {
  readonly #random: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number, run: number) {
    this.#random = xoroshiro128plus(mix(seed, run));
  }

  /** An integer, both ends included. */
  between(low: number, high: number): number {
    return uniformInt(this.#random, low, high);
  }

  /** One of them; `undefined` of none. */
  oneOf<T>(choices: readonly T[]): T | undefined {
    return choices.length === 0 ? undefined : choices[this.between(0, choices.length - 1)];
  }

  /** So many different integers from 1 to `high`, or all of them. */
  distinct(count: number, high: number): number[] {
    const drawn = new Set<number>();
    while (drawn.size < Math.min(count, high)) drawn.add(this.between(1, high));
    return [...drawn];
  }

  /** The integers from 0 below `count` in random order. */
  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, index) => index);
    for (let i = count - 1; i > 0; i--) {
      const j = this.between(0, i);
      [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
    }
    return order;
  }
}

/** Neighbouring numbers give unrelated seeds. */
function mix(seed: number, run: number): number {
  let hash = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(run + 1, 0xc2b2_ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb_352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846c_a68b);
  return (hash ^ (hash >>> 16)) | 0;
}
