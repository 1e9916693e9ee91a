import { assert } from '../../../kernel-model/assert.ts';

/** One state in so many is kept in full. */
const STATES_PER_SAMPLE = 64;
const SAMPLES_MAX = 48;

/** A sample of states in full, so that states with the same key can be seen to be the same. */
export class MergeSample {
  readonly #kept = new Map<string, Uint8Array>();

  /** A state is met for the first time. */
  keep(key: string, describe: () => Uint8Array): void {
    if (this.#kept.size >= SAMPLES_MAX || hash(key) % STATES_PER_SAMPLE !== 0) return;
    this.#kept.set(key, describe());
  }

  /** A state with the same key is met: whether it was compared. Asserts that it is the same. */
  compare(key: string, describe: () => Uint8Array): boolean {
    const kept = this.#kept.get(key);
    if (kept === undefined) return false;
    assert(Buffer.compare(kept, describe()) === 0, 'states with the same key are the same');
    return true;
  }
}

function hash(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) >>> 0;
  return sum;
}
