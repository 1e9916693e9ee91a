import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { EngineMapping } from '../../../kernel-model/mm/address-space.ts';
import type { Pointer } from './ffi.ts';
import { reserveHostMemory } from './host-memory.ts';

const BITMAP_BYTES = PAGE_SIZE / 8;
const SETS_MAX = 16_384;

/** Addresses to stop at, as native hooks look them up: by their place in the page. */
export interface NativeStops {
  readonly pointer: Pointer;
  /** Where their instructions were marked: what was mapped then, and the version of the code. */
  mappings: readonly EngineMapping[] | undefined;
  codeVersion: number;
}

/** The native form of sets of stops, made once for each set. */
export class StopSets {
  readonly #memory = reserveHostMemory(SETS_MAX * BITMAP_BYTES);
  readonly #bytes = new Uint8Array(this.#memory.buffer);
  readonly #known = new Map<ReadonlySet<number>, NativeStops>();
  readonly #owners: ReadonlySet<number>[] = [];
  #next = 0;

  of(stops: ReadonlySet<number>): NativeStops {
    let native = this.#known.get(stops);
    if (native === undefined) {
      native = this.#make(stops);
      this.#known.set(stops, native);
    }
    return native;
  }

  #make(stops: ReadonlySet<number>): NativeStops {
    const index = this.#next;
    this.#next = (index + 1) % SETS_MAX;
    const owner = this.#owners[index];
    if (owner !== undefined) this.#known.delete(owner);
    this.#owners[index] = stops;
    const start = index * BITMAP_BYTES;
    this.#bytes.fill(0, start, start + BITMAP_BYTES);
    for (const address of stops) {
      const place = address % PAGE_SIZE;
      const at = start + (place >> 3);
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (1 << (place & 7));
    }
    const pointer = this.#memory.pointer + BigInt(start);
    return { pointer, mappings: undefined, codeVersion: -1 };
  }
}
