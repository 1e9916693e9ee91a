const SLAB_BYTES = 1 << 20;

/**
 * Copies of small byte arrays, cut from large buffers: a buffer of its own for each would cost
 * microseconds and make the collector run, as it counts guest RAM as memory in use.
 */
export class ByteSlabs {
  #slab = new Uint8Array(0);
  #used = 0;

  /** A copy of at most SLAB_BYTES bytes. */
  copy(source: Uint8Array): Uint8Array {
    if (this.#used + source.length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const bytes = this.#slab.subarray(this.#used, this.#used + source.length);
    bytes.set(source);
    this.#used += source.length;
    return bytes;
  }
}
