import xxhash from 'xxhash-wasm';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';

const hasher = await xxhash();
/** The hash of a page of zeros, which counts as absent. */
export const ZERO_PAGE_HASH = hasher.h64Raw(new Uint8Array(PAGE_SIZE));

interface PageHash {
  readonly hash: bigint;
  readonly key: number;
}

const ZERO: PageHash = { hash: ZERO_PAGE_HASH, key: 0 };

/** XXH64 of page frames; each is kept until the frame is written. */
export class PageHashes {
  readonly #memory: PhysicalMemory;
  readonly #known: PageHash[] = [];

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  hash(frame: number): bigint {
    return this.#of(frame).hash;
  }

  /** 53 bits of it as a number; 0 for a page of zeros. */
  key(frame: number): number {
    return this.#of(frame).key;
  }

  #of(frame: number): PageHash {
    if (!this.#memory.takeHashStale(frame)) return this.#known[frame] ?? ZERO;
    const start = frame * PAGE_SIZE;
    const hash = hasher.h64Raw(this.#memory.bytes.subarray(start, start + PAGE_SIZE));
    const known = hash === ZERO_PAGE_HASH ? ZERO : { hash, key: hashToNumber(hash) };
    this.#known[frame] = known;
    return known;
  }
}

/** XXH64 of bytes, as 53 bits. */
export function hashBytes(bytes: Uint8Array): number {
  return hashToNumber(hasher.h64Raw(bytes));
}

function hashToNumber(hash: bigint): number {
  return Number(BigInt.asUintN(53, hash ^ (hash >> 32n)));
}
