import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { encodeCanonically } from './canonical.ts';
import { hasher } from './hasher.ts';
import { type PageHashes, ZERO_PAGE_HASH } from './page-hashes.ts';

/** What a hash covers besides memory: everything architectural. */
export interface HashedState {
  readonly kernel: KernelState;
  readonly spaces: readonly AddressSpace[];
  /** A register file a live task, flags that no one can read masked, by task order. */
  readonly registers: readonly { readonly task: number; readonly file: BigUint64Array }[];
}

/**
 * Hashes of whole machine states: architectural registers, memory and kernel state, nothing of the
 * engine. A page's hash is kept until the page is written; pages of zeros count as absent.
 */
export class StateHasher {
  readonly #pageHashes: PageHashes;

  constructor(pages: PageHashes) {
    this.#pageHashes = pages;
  }

  /** 16 hexadecimal digits (XXH64). */
  hash(state: HashedState): string {
    const digest = hasher.create64();
    digest.update(encodeCanonically(state.kernel));
    state.spaces.forEach((space, index) => {
      const { mappings, breakStart, breakEnd } = space;
      digest.update(encodeCanonically({ index, mappings, breakStart, breakEnd }));
      digest.update(this.#pages(space));
    });
    for (const { task, file } of state.registers) {
      digest.update(encodeCanonically(task));
      digest.update(new Uint8Array(file.buffer, file.byteOffset, file.byteLength));
    }
    return digest.digest().toString(16).padStart(16, '0');
  }

  #pages(space: AddressSpace): Uint8Array {
    const words: bigint[] = [];
    space.forEachPage((address, frame) => {
      const hash = this.#pageHashes.hash(frame);
      if (hash !== ZERO_PAGE_HASH) words.push(BigInt(address), hash);
    });
    return new Uint8Array(BigUint64Array.from([BigInt(words.length), ...words]).buffer);
  }
}
