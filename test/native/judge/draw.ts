import { uniformBigInt } from 'pure-rand/distribution/uniformBigInt';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seeded choices of a generator of cases. */
export class Draw {
  readonly #random: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number) {
    this.#random = xoroshiro128plus(seed);
  }

  /** An integer, both ends included. */
  int(low: number, high: number): number {
    return uniformInt(this.#random, low, high);
  }

  big(low: bigint, high: bigint): bigint {
    return uniformBigInt(this.#random, low, high);
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[this.int(0, values.length - 1)] ?? values[0];
  }

  /** A 32-bit word that is not `other`. */
  wordBut(other: number): number {
    const word = this.int(0, 0xffff_ffff);
    return word === other ? (word ^ 1) >>> 0 : word;
  }
}
