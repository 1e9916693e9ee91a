import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';

const LINE_BYTES = 64;
const LINES_PER_PAGE = PAGE_SIZE / LINE_BYTES;
const WORDS_PER_LINE = LINE_BYTES / 4;

/**
 * A key of all of guest RAM that costs as much as what changed since it was last asked for: the
 * exclusive or of one hash a line of 64 bytes, in two lanes of 32 bits. Lines of zeros count as absent.
 */
export class MemoryKey {
  readonly #memory: PhysicalMemory;
  /** The two lanes of each line's hash, by frame. */
  readonly #lines: (Uint32Array | undefined)[] = [];
  #a = 0;
  #b = 0;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  /** Takes in what was written. */
  update(): void {
    const memory = this.#memory;
    for (let i = 0; i < memory.keyStaleCount; i++) {
      const frame = memory.keyStaleFrames[i] ?? 0;
      const first = Math.floor(memory.keyStaleStart(frame) / LINE_BYTES);
      const end = Math.ceil(memory.keyStaleEnd(frame) / LINE_BYTES);
      for (let line = first; line < end; line++) this.#hashLine(frame, line);
    }
    memory.clearKeyStale();
  }

  /** The lanes, as numbers of 32 bits; `update` comes first. */
  get lowLane(): number {
    return this.#a;
  }

  get highLane(): number {
    return this.#b;
  }

  #hashLine(frame: number, line: number): void {
    let lines = this.#lines[frame];
    if (lines === undefined) {
      lines = new Uint32Array(2 * LINES_PER_PAGE);
      this.#lines[frame] = lines;
    }
    const index = frame * LINES_PER_PAGE + line;
    const { words32 } = this.#memory;
    const start = index * WORDS_PER_LINE;
    let a = Math.imul(index + 1, 0x9e37_79b1);
    let b = Math.imul(index + 1, 0x85eb_ca77);
    let any = 0;
    for (let i = start; i < start + WORDS_PER_LINE; i++) {
      const word = words32[i] ?? 0;
      any |= word;
      a = Math.imul(a ^ word, 0x0100_0193);
      a ^= a >>> 15;
      b = Math.imul((b << 13) | (b >>> 19), 5) ^ Math.imul(word, 0xc2b2_ae35);
    }
    a = any === 0 ? 0 : finish(a);
    b = any === 0 ? 0 : finish(b ^ a);
    this.#a ^= (lines[2 * line] ?? 0) ^ a;
    this.#b ^= (lines[2 * line + 1] ?? 0) ^ b;
    lines[2 * line] = a;
    lines[2 * line + 1] = b;
  }
}

/** The finalizer of MurmurHash3: every bit of the input changes half of those of the output. */
export function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
