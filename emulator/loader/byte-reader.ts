/** Little-endian fields of a byte array. Reading outside it is our mistake: ask `holds` first. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Whether [offset, offset + length) lies inside; right for every non-negative double. */
  holds(offset: number, length: number): boolean {
    return offset <= this.length && length <= this.length - offset;
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /**
   * An unsigned 64-bit field as a number, rounded above 2^53. Valid addresses and sizes are below,
   * so comparing with their limits is exact.
   */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 0x1_0000_0000;
  }
}
