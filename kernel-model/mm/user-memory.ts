import { PAGE_SIZE } from '../hardware/address.ts';
import type { AddressSpace } from './address-space.ts';

/** Told of each access that the kernel model makes to user memory (origin: kernel). */
export type KernelAccessObserver = (
  access: 'read' | 'write',
  address: number,
  sizeBytes: number,
) => void;

/**
 * The kernel's view of user memory (get_user, put_user, copy_from_user, copy_to_user): checked
 * against page permissions, every write marked in the write log. A fault is a value, not a throw.
 */
export class UserMemory {
  readonly space: AddressSpace;
  /** Set by a tracer; undefined costs nothing. */
  observer: KernelAccessObserver | undefined;

  constructor(space: AddressSpace) {
    this.space = space;
  }

  /** Reads a u32; `undefined` on a fault. Any alignment. */
  readU32(address: number): number | undefined {
    if ((address & 3) !== 0) return this.#readUnaligned32(address);
    const offset = this.space.translate(address, false);
    if (offset < 0) return undefined;
    this.observer?.('read', address, 4);
    return this.space.memory.words32[offset >>> 2];
  }

  #readUnaligned32(address: number): number | undefined {
    const bytes = this.read(address, 4);
    return bytes === undefined ? undefined : toView(bytes).getUint32(0, true);
  }

  /** Reads a u64; `undefined` on a fault. Any alignment. */
  readU64(address: number): bigint | undefined {
    if ((address & 7) !== 0) {
      const bytes = this.read(address, 8);
      return bytes === undefined ? undefined : toView(bytes).getBigUint64(0, true);
    }
    const offset = this.space.translate(address, false);
    if (offset < 0) return undefined;
    this.observer?.('read', address, 8);
    return this.space.memory.words64[offset / 8];
  }

  /** Whether the aligned u64 at `address` is zero, without making a bigint; false on a fault. */
  isZeroU64(address: number): boolean {
    const offset = this.space.translate(address, false);
    if (offset < 0 || (address & 7) !== 0) return false;
    this.observer?.('read', address, 8);
    const words = this.space.memory.words32;
    return words[offset >>> 2] === 0 && words[(offset >>> 2) + 1] === 0;
  }

  /** Reads an aligned u64 as a double, exact below 2^53; 0 on a fault. */
  readU64AsNumber(address: number): number {
    const offset = this.space.translate(address, false);
    if (offset < 0) return 0;
    this.observer?.('read', address, 8);
    const words = this.space.memory.words32;
    return (words[offset >>> 2] ?? 0) + (words[(offset >>> 2) + 1] ?? 0) * 4_294_967_296;
  }

  /** Writes a u32; false on a fault, with nothing written. Any alignment. */
  writeU32(address: number, value: number): boolean {
    if ((address & 3) !== 0) {
      const bytes = new Uint8Array(4);
      toView(bytes).setUint32(0, value, true);
      return this.write(address, bytes);
    }
    const offset = this.space.translate(address, true);
    if (offset < 0) return false;
    this.observer?.('write', address, 4);
    const { memory } = this.space;
    memory.words32[offset >>> 2] = value;
    memory.markWritten(offset, 4);
    return true;
  }

  /** Writes two adjacent u32, which share a page and are aligned to 4; false on a fault. */
  writeU32Pair(address: number, first: number, second: number): boolean {
    const offset = this.space.translate(address, true);
    if (offset < 0) return false;
    this.observer?.('write', address, 8);
    const { memory } = this.space;
    memory.words32[offset >>> 2] = first;
    memory.words32[(offset >>> 2) + 1] = second;
    memory.markWritten(offset, 8);
    return true;
  }

  /** Writes a u64; false on a fault, with nothing written. Any alignment. */
  writeU64(address: number, value: bigint): boolean {
    if ((address & 7) !== 0) {
      const bytes = new Uint8Array(8);
      toView(bytes).setBigUint64(0, value, true);
      return this.write(address, bytes);
    }
    const offset = this.space.translate(address, true);
    if (offset < 0) return false;
    this.observer?.('write', address, 8);
    const { memory } = this.space;
    memory.words64[offset / 8] = value;
    memory.markWritten(offset, 8);
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
      const offset = this.space.translate(address + done, true);
      const length = Math.min(bytes.length - done, PAGE_SIZE - (offset % PAGE_SIZE));
      this.space.memory.bytes.set(bytes.subarray(done, done + length), offset);
      this.space.memory.markWritten(offset, length);
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

function toView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
