import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import { hasher } from './hasher.ts';

/** The hash of a page of zeros, which counts as absent. */
export const ZERO_PAGE_HASH = hasher.h64Raw(new Uint8Array(PAGE_SIZE));

/** XXH64 of page frames; each is kept until the frame is written. */
export class PageHashes {
  readonly #memory: PhysicalMemory;
  readonly #known: bigint[] = [];

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  hash(frame: number): bigint {
    if (!this.#memory.takeHashStale(frame)) return this.#known[frame] ?? ZERO_PAGE_HASH;
    const start = frame * PAGE_SIZE;
    const hash = hasher.h64Raw(this.#memory.bytes.subarray(start, start + PAGE_SIZE));
    this.#known[frame] = hash;
    return hash;
  }
}

/** XXH64 of bytes, as 53 bits. */
export function hashBytes(bytes: Uint8Array): number {
  const hash = hasher.h64Raw(bytes);
  return Number(BigInt.asUintN(53, hash ^ (hash >> 32n)));
}
