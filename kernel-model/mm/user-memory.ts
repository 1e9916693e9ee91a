import { PAGE_SHIFT, PAGE_SIZE } from '../hardware/address.ts';
import type { AddressSpace } from './address-space.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Told of each access that the kernel model makes to user memory (origin: kernel). */
export type KernelAccessObserver = (
  access: 'read' | 'write',
  address: number,
  sizeBytes: number,
) => void;

const WORDS_PER_PAGE_SHIFT = PAGE_SHIFT - 2;

/**
 * The kernel's view of user memory (get_user, put_user, copy_from_user, copy_to_user): checked
 * against page permissions, every write marked in the write log. A fault is a value, not a throw.
 */
export class UserMemory {
  readonly space: AddressSpace;
  /** Guest RAM as 32-bit words: see `readableBlock`. */
  readonly words: Uint32Array;
  readonly #memory: PhysicalMemory;
  /** Set by a tracer; undefined costs nothing. */
  observer: KernelAccessObserver | undefined;

  constructor(space: AddressSpace) {
    this.space = space;
    this.words = space.memory.words32;
    this.#memory = space.memory;
  }

  /** Reads a u32; `undefined` on a fault. Any alignment. */
  readU32(address: number): number | undefined {
    if ((address & 3) !== 0) return this.#readUnaligned32(address);
    const at = this.#index(address, false);
    if (at < 0) return undefined;
    this.observer?.('read', address, 4);
    return this.words[at];
  }

  #readUnaligned32(address: number): number | undefined {
    const bytes = this.read(address, 4);
    return bytes === undefined ? undefined : toView(bytes).getUint32(0, true);
  }

  /** Index of the aligned word at an address; negative on a fault. */
  #index(address: number, write: boolean): number {
    const frame = this.space.frameFor(address, write);
    return (frame << WORDS_PER_PAGE_SHIFT) | ((address & (PAGE_SIZE - 1)) >>> 2);
  }

  /**
   * Index in `words` of a block that is aligned to its size, a power of two up to a page, and read as
   * a whole; negative on a fault.
   */
  readableBlock(address: number, sizeBytes: number): number {
    const at = this.#index(address, false);
    if (at >= 0) this.observer?.('read', address, sizeBytes);
    return at;
  }

  /**
   * The same of a block that may be written as well, by whoever announces it to `markWritten`; negative
   * also while there is an observer, who has to be told of each store.
   */
  writableBlock(address: number): number {
    return this.observer === undefined ? this.#index(address, true) : -1;
  }

  /** So many bytes of the block at an index that `writableBlock` gave were written. */
  markWritten(index: number, lengthBytes: number): void {
    const low = (index << 2) & (PAGE_SIZE - 1);
    this.#memory.markWritten(index >>> WORDS_PER_PAGE_SHIFT, low, lengthBytes);
  }

  /** Reads a u64; `undefined` on a fault. Any alignment. */
  readU64(address: number): bigint | undefined {
    if ((address & 7) !== 0) {
      const bytes = this.read(address, 8);
      return bytes === undefined ? undefined : toView(bytes).getBigUint64(0, true);
    }
    const at = this.#index(address, false);
    if (at < 0) return undefined;
    this.observer?.('read', address, 8);
    return this.#memory.words64[at >>> 1];
  }

  /** Whether the aligned u64 at `address` is zero, without making a bigint; false on a fault. */
  isZeroU64(address: number): boolean {
    const at = this.#index(address, false);
    if (at < 0 || (address & 7) !== 0) return false;
    this.observer?.('read', address, 8);
    return this.words[at] === 0 && this.words[at + 1] === 0;
  }

  /** Reads an aligned u64 as a double, exact below 2^53; 0 on a fault. */
  readU64AsNumber(address: number): number {
    const at = this.#index(address, false);
    if (at < 0) return 0;
    this.observer?.('read', address, 8);
    return toNumber(this.words, at);
  }

  /** Writes a u32; false on a fault, with nothing written. Any alignment. */
  writeU32(address: number, value: number): boolean {
    if ((address & 3) !== 0) {
      const bytes = new Uint8Array(4);
      toView(bytes).setUint32(0, value, true);
      return this.write(address, bytes);
    }
    const at = this.#index(address, true);
    if (at < 0) return false;
    this.observer?.('write', address, 4);
    this.words[at] = value;
    this.markWritten(at, 4);
    return true;
  }

  /** Writes two adjacent u32, which share a page and are aligned to 4; false on a fault. */
  writeU32Pair(address: number, first: number, second: number): boolean {
    const at = this.#index(address, true);
    if (at < 0) return false;
    this.observer?.('write', address, 8);
    this.words[at] = first;
    this.words[at + 1] = second;
    this.markWritten(at, 8);
    return true;
  }

  /** Writes a u64; false on a fault, with nothing written. Any alignment. */
  writeU64(address: number, value: bigint): boolean {
    if ((address & 7) !== 0) {
      const bytes = new Uint8Array(8);
      toView(bytes).setBigUint64(0, value, true);
      return this.write(address, bytes);
    }
    const at = this.#index(address, true);
    if (at < 0) return false;
    this.observer?.('write', address, 8);
    this.#memory.words64[at >>> 1] = value;
    this.markWritten(at, 8);
    return true;
  }

  /** Copies bytes out of user memory; `undefined` if any of them faults. */
  read(address: number, lengthBytes: number): Uint8Array | undefined {
    const bytes = new Uint8Array(lengthBytes);
    let done = 0;
    while (done < lengthBytes) {
      const offset = this.space.translate(address + done, false);
      if (offset < 0) return undefined;
      const length = Math.min(lengthBytes - done, PAGE_SIZE - (offset % PAGE_SIZE));
      bytes.set(this.space.memory.bytes.subarray(offset, offset + length), done);
      this.observer?.('read', address + done, length);
      done += length;
    }
    return bytes;
  }

  /** Copies bytes into user memory; false if any page faults, checked before anything is written. */
  write(address: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      if (this.space.translate(address + done, true) < 0) return false;
      done += PAGE_SIZE - ((address + done) % PAGE_SIZE);
    }
    for (let done = 0; done < bytes.length; ) {
      const frame = this.space.frameFor(address + done, true);
      const low = (address + done) % PAGE_SIZE;
      const length = Math.min(bytes.length - done, PAGE_SIZE - low);
      this.#memory.bytes.set(bytes.subarray(done, done + length), frame * PAGE_SIZE + low);
      this.#memory.markWritten(frame, low, length);
      this.observer?.('write', address + done, length);
      done += length;
    }
    return true;
  }

  /** Reads a NUL-terminated string of at most `limitBytes`; `undefined` on a fault or if longer. */
  readString(address: number, limitBytes: number): string | undefined {
    const bytes: number[] = [];
    for (let i = 0; i < limitBytes; i++) {
      const offset = this.space.translate(address + i, false);
      if (offset < 0) return undefined;
      const byte = this.space.memory.bytes[offset] ?? 0;
      if (byte === 0) return new TextDecoder().decode(Uint8Array.from(bytes));
      bytes.push(byte);
    }
    return undefined;
  }
}

/** The u64 at an index of 32-bit words, as a double: exact below 2^53. */
export function toNumber(words: Uint32Array, index: number): number {
  return (words[index] ?? 0) + (words[index + 1] ?? 0) * 4_294_967_296;
}

function toView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
