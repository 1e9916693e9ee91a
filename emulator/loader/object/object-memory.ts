import { ByteReader } from '../byte-reader.ts';
import type { ObjectSegment } from './object-image.ts';

const NOTHING = new Uint8Array(0);

/** The memory of an object image, read-only. */
export class ObjectMemory {
  readonly #segments: readonly ObjectSegment[];

  constructor(segments: readonly ObjectSegment[]) {
    this.#segments = segments;
  }

  segmentAt(address: number): ObjectSegment | undefined {
    return this.#segments.find((each) => address >= each.address && isBefore(address, each));
  }

  isExecutable(address: number): boolean {
    return this.segmentAt(address)?.executable === true;
  }

  /** `length` bytes in one segment, else `undefined`; a copy only where the file does not hold all. */
  bytesAt(address: number, length: number): Uint8Array | undefined {
    const segment = this.segmentAt(address);
    if (segment === undefined || address + length > segment.address + segment.size) {
      return undefined;
    }
    const start = address - segment.address;
    const inFile = segment.bytes.subarray(start, start + length);
    if (inFile.length === length) return inFile;
    const copy = new Uint8Array(length);
    copy.set(inFile);
    return copy;
  }

  /** What the file holds of a segment from an address on, at most `length` bytes. */
  codeAt(address: number, length: number): Uint8Array {
    const segment = this.segmentAt(address);
    if (segment === undefined) return NOTHING;
    const start = address - segment.address;
    return segment.bytes.subarray(start, start + length);
  }

  u32(address: number): number | undefined {
    const bytes = this.bytesAt(address, 4);
    return bytes === undefined ? undefined : new ByteReader(bytes).u32(0);
  }

  u64(address: number): bigint | undefined {
    const bytes = this.bytesAt(address, 8);
    return bytes === undefined
      ? undefined
      : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  }
}

function isBefore(address: number, { address: start, size }: ObjectSegment): boolean {
  return address - start < size;
}
