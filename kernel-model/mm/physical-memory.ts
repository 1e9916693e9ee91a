import { assert } from '../assert.ts';
import { PAGE_SIZE } from '../hardware/address.ts';

const WORDS_PER_PAGE = PAGE_SIZE / Uint32Array.BYTES_PER_ELEMENT;
const DIRTY = 1;
const HASH_STALE = 2;
const CODE = 4;
/** Zeroed for a new owner, who has not written to it. */
const UNTOUCHED = 8;
/** Written since `takeKeyStale` gave it. */
const KEY_STALE = 16;

/** A contiguous run of page frames. */
interface FrameRun {
  readonly start: number;
  readonly count: number;
}

/** What the frame allocator needs to be put back as it was. Opaque to callers. */
export interface AllocationImage {
  readonly version: number;
  readonly highWater: number;
  readonly freeRuns: readonly FrameRun[];
  readonly references: Uint16Array;
  readonly touched: Uint8Array;
  readonly touchedCount: number;
}

/** No frame allocated. */
export const EMPTY_ALLOCATION: AllocationImage = {
  version: 0,
  highWater: 0,
  freeRuns: [],
  references: new Uint16Array(0),
  touched: new Uint8Array(0),
  touchedCount: 0,
};

/** Frames asked for exceed the guest RAM there is: reported to the user, not to the guest. */
export class OutOfFramesError extends Error {}

/**
 * Guest RAM: page frames over one ArrayBuffer that engine and kernel model share, with reference
 * counts (shared and copy-on-write mappings) and the set of frames written since the last snapshot.
 * Every write, the guest's and the kernel's, must be announced through `markDirty`.
 */
export class PhysicalMemory {
  readonly bytes: Uint8Array;
  readonly words32: Uint32Array;
  readonly words64: BigUint64Array;
  readonly view: DataView;
  readonly frameCount: number;
  /** Frames that may be touched (written) before `limitExceeded` reports it. */
  readonly touchedLimit: number;
  /** Frames written since the last `clearDirty`, the first `dirtyCount` entries. */
  readonly dirtyFrames: Int32Array;
  dirtyCount = 0;
  /** Frames whose bytes changed since `clearKeyStale`, the first `keyStaleCount` entries. */
  readonly keyStaleFrames: Int32Array;
  keyStaleCount = 0;
  /** The bytes of each dirty frame that were written, as offsets in it, the end excluded. */
  readonly #dirtySpans: Spans;
  /** The bytes of each frame in keyStaleFrames that changed. */
  readonly #keySpans: Spans;
  /** Told when the model writes to a frame that `flagCode` named, which ends its flag. */
  onCodeWrite: ((frame: number) => void) | undefined;
  #flags: Uint8Array;
  #references: Uint16Array;
  /** Written since it was last all zeros; frames above the high-water mark are zeros. */
  #touched: Uint8Array;
  /** Touched frames that are in use. */
  #touchedCount = 0;
  #highWater = 0;
  #freeRuns: readonly FrameRun[] = [];
  #version = 0;
  #versionsIssued = 0;
  #saved: AllocationImage | undefined;

  /** `ram` must be a whole number of pages; `touchedLimit` counts frames. */
  constructor(ram: ArrayBuffer, touchedLimit: number) {
    assert(ram.byteLength % PAGE_SIZE === 0, 'guest RAM is whole pages');
    this.bytes = new Uint8Array(ram);
    this.words32 = new Uint32Array(ram);
    this.words64 = new BigUint64Array(ram);
    this.view = new DataView(ram);
    this.frameCount = ram.byteLength / PAGE_SIZE;
    this.touchedLimit = touchedLimit;
    this.dirtyFrames = new Int32Array(this.frameCount);
    this.keyStaleFrames = new Int32Array(this.frameCount);
    this.#dirtySpans = new Spans(this.frameCount);
    this.#keySpans = new Spans(this.frameCount);
    this.#flags = new Uint8Array(this.frameCount);
    this.#references = new Uint16Array(this.frameCount);
    this.#touched = new Uint8Array(this.frameCount);
  }

  get touchedCount(): number {
    return this.#touchedCount;
  }

  get limitExceeded(): boolean {
    return this.#touchedCount > this.touchedLimit;
  }

  /** Allocates `count` contiguous zeroed frames with one reference each; returns the first. */
  allocate(count: number): number {
    assert(count > 0, 'frames asked for');
    const start = this.#takeRun(count);
    for (let frame = start; frame < start + count; frame++) {
      assert(this.#references[frame] === 0, 'a free frame', frame);
      this.#references[frame] = 1;
      if (this.#touched[frame] !== 0) this.#clearReused(frame);
    }
    this.#changed();
    return start;
  }

  /** Whether so many frames in a row can be had while half of RAM is left for single ones. */
  hasAmpleRun(count: number): boolean {
    return (
      this.#highWater + count <= this.frameCount / 2 ||
      this.#freeRuns.some((run) => run.count >= count)
    );
  }

  #takeRun(count: number): number {
    const index = this.#freeRuns.findIndex((run) => run.count >= count);
    const run = this.#freeRuns[index];
    if (run !== undefined) {
      const rest = { start: run.start + count, count: run.count - count };
      this.#freeRuns = this.#freeRuns.toSpliced(index, 1, ...(rest.count > 0 ? [rest] : []));
      return run.start;
    }
    if (this.#highWater + count > this.frameCount) {
      throw new OutOfFramesError(`guest RAM of ${this.frameCount} pages is used up`);
    }
    const start = this.#highWater;
    this.#highWater += count;
    return start;
  }

  #clearReused(frame: number): void {
    this.bytes.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    this.markDirty(frame);
    this.#touched[frame] = 0;
    this.#flags[frame] = DIRTY | HASH_STALE | KEY_STALE | UNTOUCHED;
  }

  /** Adds a reference: the frame is mapped once more. */
  retain(frame: number): void {
    assert((this.#references[frame] ?? 0) > 0, 'a frame in use', frame);
    this.#references[frame] = (this.#references[frame] ?? 0) + 1;
    this.#changed();
  }

  /** Drops a reference; the frame is free when none is left. */
  release(frame: number): void {
    const references = this.#references[frame] ?? 0;
    assert(references > 0, 'a frame in use', frame);
    this.#references[frame] = references - 1;
    if (references === 1) {
      this.#addFree(frame);
      this.#touchedCount -= this.#touched[frame] ?? 0;
    }
    this.#changed();
  }

  /** Keeps the runs in order and joined, so that what was freed in any order is one run again. */
  #addFree(frame: number): void {
    const runs = this.#freeRuns;
    const index = findRunAfter(runs, frame);
    const before = runs[index - 1];
    const after = runs[index];
    const joinsBefore = before !== undefined && before.start + before.count === frame;
    const joinsAfter = after?.start === frame + 1;
    const start = joinsBefore ? before.start : frame;
    const end = joinsAfter ? after.start + after.count : frame + 1;
    const from = joinsBefore ? index - 1 : index;
    const replaced = (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0);
    this.#freeRuns = runs.toSpliced(from, replaced, { start, count: end - start });
  }

  referencesOf(frame: number): number {
    return this.#references[frame] ?? 0;
  }

  /** Announces a write of any part of a frame. */
  markDirty(frame: number): void {
    this.markWritten(frame, 0, PAGE_SIZE);
  }

  /** Announces a write of `lengthBytes` from `low` on in a frame; what goes beyond it does not count. */
  markWritten(frame: number, low: number, lengthBytes: number): void {
    const high = Math.min(PAGE_SIZE, low + lengthBytes);
    const flags = this.#flags[frame] ?? 0;
    this.#dirtySpans.add(frame, low, high, (flags & DIRTY) === 0);
    this.#noteKeyStale(frame, low, high, flags);
    if (flags === (DIRTY | HASH_STALE | KEY_STALE)) return;
    if ((flags & CODE) !== 0) this.onCodeWrite?.(frame);
    if ((flags & DIRTY) === 0) this.dirtyFrames[this.dirtyCount++] = frame;
    if (this.#touched[frame] === 0) {
      this.#touched[frame] = 1;
      this.#touchedCount++;
      this.#changed();
    }
    this.#flags[frame] = DIRTY | HASH_STALE | KEY_STALE;
  }

  #noteKeyStale(frame: number, low: number, high: number, flags: number): void {
    const isFirst = (flags & KEY_STALE) === 0;
    this.#keySpans.add(frame, low, high, isFirst);
    if (isFirst) this.keyStaleFrames[this.keyStaleCount++] = frame;
  }

  /** The written bytes of a dirty frame: from this offset in it to `dirtyEnd`. */
  dirtyStart(frame: number): number {
    return this.#dirtySpans.low[frame] ?? 0;
  }

  dirtyEnd(frame: number): number {
    return this.#dirtySpans.high[frame] ?? PAGE_SIZE;
  }

  /** The changed bytes of a frame of keyStaleFrames: from this offset in it to `keyStaleEnd`. */
  keyStaleStart(frame: number): number {
    return this.#keySpans.low[frame] ?? 0;
  }

  keyStaleEnd(frame: number): number {
    return this.#keySpans.high[frame] ?? PAGE_SIZE;
  }

  /** The keys of all frames are up to date. */
  clearKeyStale(): void {
    for (let i = 0; i < this.keyStaleCount; i++) {
      const frame = this.keyStaleFrames[i] ?? 0;
      this.#flags[frame] = (this.#flags[frame] ?? 0) & ~KEY_STALE;
    }
    this.keyStaleCount = 0;
  }

  /** Forgets which frames were written; their content hashes stay stale. */
  clearDirty(): void {
    for (let i = 0; i < this.dirtyCount; i++) {
      const frame = this.dirtyFrames[i] ?? 0;
      this.#flags[frame] = (this.#flags[frame] ?? 0) & ~DIRTY;
    }
    this.dirtyCount = 0;
  }

  /** True once after each change of a frame: the caller recomputes its hash. */
  takeHashStale(frame: number): boolean {
    const flags = this.#flags[frame] ?? 0;
    this.#flags[frame] = flags & ~HASH_STALE;
    return (flags & HASH_STALE) !== 0;
  }

  /** Bytes of a frame, `low` to `high`, were replaced by another image's. */
  markReplaced(frame: number, low: number, high: number): void {
    const flags = this.#flags[frame] ?? 0;
    if ((flags & CODE) !== 0) this.onCodeWrite?.(frame);
    this.#noteKeyStale(frame, low, high, flags);
    this.#flags[frame] = (flags & ~CODE) | HASH_STALE | KEY_STALE;
  }

  /** An engine decoded code from a frame and must hear of writes that are not the guest's. */
  flagCode(frame: number): void {
    this.#flags[frame] = (this.#flags[frame] ?? 0) | CODE;
  }

  /** Whether all bytes of a frame are zero. */
  isZero(frame: number): boolean {
    if (this.#touched[frame] === 0) return true;
    const start = frame * WORDS_PER_PAGE;
    for (let i = start; i < start + WORDS_PER_PAGE; i++) {
      if (this.words32[i] !== 0) return false;
    }
    return true;
  }

  /** The allocator's state; unchanged state gives the same object again. */
  saveAllocation(): AllocationImage {
    if (this.#saved?.version !== this.#version) {
      this.#saved = {
        version: this.#version,
        highWater: this.#highWater,
        freeRuns: this.#freeRuns,
        references: this.#references.slice(0, this.#highWater),
        touched: this.#touched.slice(0, this.#highWater),
        touchedCount: this.#touchedCount,
      };
    }
    return this.#saved;
  }

  /** Puts the allocator back; frame contents are restored by MemoryImages, before this. */
  restoreAllocation(image: AllocationImage): void {
    if (image.version === this.#version) return;
    this.#references.fill(0, image.highWater, this.#highWater);
    this.#references.set(image.references);
    this.#touched.fill(0, image.highWater, this.#highWater);
    this.#touched.set(image.touched);
    this.#touchedCount = image.touchedCount;
    this.#highWater = image.highWater;
    this.#freeRuns = image.freeRuns;
    this.#version = image.version;
    this.#saved = image;
  }

  /** A number never given before: marks a state of this memory or of an address space over it. */
  issueVersion(): number {
    return ++this.#versionsIssued;
  }

  #changed(): void {
    this.#version = this.issueVersion();
  }
}

/** One range of bytes a frame. */
class Spans {
  readonly low: Uint16Array;
  readonly high: Uint16Array;

  constructor(frameCount: number) {
    this.low = new Uint16Array(frameCount);
    this.high = new Uint16Array(frameCount);
  }

  /** Makes the range of a frame hold another one too, or that alone. */
  add(frame: number, low: number, high: number, isFirst: boolean): void {
    if (isFirst || low < (this.low[frame] ?? 0)) this.low[frame] = low;
    if (isFirst || high > (this.high[frame] ?? 0)) this.high[frame] = high;
  }
}

/** Index of the first run that starts above `frame`, by binary search. */
function findRunAfter(runs: readonly FrameRun[], frame: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle]?.start ?? 0) > frame) high = middle;
    else low = middle + 1;
  }
  return low;
}
