import { PAGE_SIZE } from '../hardware/address.ts';
import { ByteSlabs } from './byte-slabs.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Few: an image copies the list of each chunk in which a frame changed. */
const FRAMES_PER_CHUNK = 64;

/** A saved page, or `undefined` for a page of zeros. */
type SavedPage = Uint8Array | undefined;
type Chunk = readonly SavedPage[];

/** The content of all frames at one moment; shares unchanged pages with other images. */
export interface MemoryImage {
  readonly chunks: readonly (Chunk | undefined)[];
}

/** All frames zero. */
export const EMPTY_MEMORY: MemoryImage = { chunks: [] };

/**
 * Cheap images of guest RAM. The frames written since the last image are the only ones copied,
 * and going back to an image copies only the frames in which it differs from memory.
 */
export class MemoryImages {
  readonly #memory: PhysicalMemory;
  readonly #slabs = new ByteSlabs();
  /** What memory held when the dirty set was last cleared. */
  #base: MemoryImage = EMPTY_MEMORY;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  /** Saves all frames; costs one page copy per frame written since the last image. */
  take(): MemoryImage {
    const memory = this.#memory;
    if (memory.dirtyCount === 0) return this.#base;
    const chunks = this.#base.chunks.slice();
    const own = new Map<number, SavedPage[]>();
    for (let i = 0; i < memory.dirtyCount; i++) {
      const frame = memory.dirtyFrames[i] ?? 0;
      const index = Math.floor(frame / FRAMES_PER_CHUNK);
      let chunk = own.get(index);
      if (chunk === undefined) {
        chunk = chunks[index]?.slice() ?? new Array<SavedPage>(FRAMES_PER_CHUNK).fill(undefined);
        own.set(index, chunk);
        chunks[index] = chunk;
      }
      chunk[frame % FRAMES_PER_CHUNK] = this.#slabs.copy(
        memory.bytes.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE),
      );
    }
    memory.clearDirty();
    this.#base = { chunks };
    return this.#base;
  }

  /** Makes memory what it was when `image` was taken. */
  restore(image: MemoryImage): void {
    const memory = this.#memory;
    for (let i = 0; i < memory.dirtyCount; i++) {
      const frame = memory.dirtyFrames[i] ?? 0;
      const page = pageOf(image, frame);
      if (page === pageOf(this.#base, frame)) {
        this.#copyBack(page, frame, memory.dirtyStart(frame), memory.dirtyEnd(frame));
      } else this.#copyBack(page, frame, 0, PAGE_SIZE);
    }
    memory.clearDirty();
    if (image === this.#base) return;
    const chunkCount = Math.max(image.chunks.length, this.#base.chunks.length);
    for (let index = 0; index < chunkCount; index++) {
      const target = image.chunks[index];
      const current = this.#base.chunks[index];
      if (target === current) continue;
      for (let i = 0; i < FRAMES_PER_CHUNK; i++) {
        if (target?.[i] === current?.[i]) continue;
        this.#copyBack(target?.[i], index * FRAMES_PER_CHUNK + i, 0, PAGE_SIZE);
      }
    }
    this.#base = image;
  }

  /** Puts the bytes `low` to `high` of a frame back. */
  #copyBack(page: SavedPage, frame: number, low: number, high: number): void {
    const offset = frame * PAGE_SIZE;
    if (page === undefined) this.#memory.bytes.fill(0, offset + low, offset + high);
    else this.#memory.bytes.set(page.subarray(low, high), offset + low);
    this.#memory.markReplaced(frame, low, high);
  }
}

function pageOf(image: MemoryImage, frame: number): SavedPage {
  return image.chunks[Math.floor(frame / FRAMES_PER_CHUNK)]?.[frame % FRAMES_PER_CHUNK];
}
