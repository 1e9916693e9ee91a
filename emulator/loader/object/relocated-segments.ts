import type { ObjectSegment } from './object-image.ts';
import type { WritableBytes } from './relocations.ts';

/** Segments whose bytes are copied from the file when a relocation first writes to them. */
export class RelocatedSegments {
  readonly #segments: { segment: ObjectSegment; copy?: Uint8Array }[];

  constructor(segments: readonly ObjectSegment[]) {
    this.#segments = segments.map((segment) => ({ segment }));
  }

  /** Bytes of one segment, as far as its file holds them, to be written to. */
  readonly writable: WritableBytes = (address, length) => {
    const entry = this.#segments.find(
      ({ segment }) =>
        address >= segment.address && address + length <= segment.address + segment.bytes.length,
    );
    if (entry === undefined) return undefined;
    entry.copy ??= entry.segment.bytes.slice();
    const start = address - entry.segment.address;
    return entry.copy.subarray(start, start + length);
  };

  /** The segments as relocated so far. */
  get segments(): readonly ObjectSegment[] {
    return this.#segments.map(({ segment, copy }) =>
      copy === undefined ? segment : { ...segment, bytes: copy },
    );
  }
}
