import { assert } from '../../../kernel-model/assert.ts';

/**
 * One state in so many is kept in full, and compared so often at most: each costs as much as ten
 * runs.
 */
const STATES_PER_SAMPLE = 128;
const SAMPLES_MAX = 16;
const COMPARISONS_MAX = 2;

interface Sample {
  readonly state: Uint8Array;
  comparisons: number;
}

/** A sample of states in full, so that states with the same key can be seen to be the same. */
export class MergeSample {
  readonly #kept = new Map<number, Sample>();

  /** A state is met for the first time. */
  keep(key: number, describe: () => Uint8Array): void {
    if (this.#kept.size >= SAMPLES_MAX || key % STATES_PER_SAMPLE !== 0) return;
    this.#kept.set(key, { state: describe(), comparisons: 0 });
  }

  /** A state with the same key is met: whether it was compared. Asserts that it is the same. */
  compare(key: number, describe: () => Uint8Array): boolean {
    const kept = this.#kept.get(key);
    if (kept === undefined || kept.comparisons === COMPARISONS_MAX) return false;
    kept.comparisons++;
    assert(Buffer.compare(kept.state, describe()) === 0, 'states with the same key are the same');
    return true;
  }
}
