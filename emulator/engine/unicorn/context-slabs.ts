import koffi from 'koffi';
import { assert } from '../../../kernel-model/assert.ts';
import type { CpuContext } from '../engine.ts';
import type { Pointer, UnicornLibrary } from './ffi.ts';

/** Contexts are cut from buffers of about so many bytes. */
const SLAB_BYTES = 1 << 20;
/** Fields before the registers, which uc_context_save leaves alone, are among so many bytes. */
const HEADER_BYTES = 256;
/** uc_context holds 64-bit words, and its registers as many vectors. */
const ALIGNMENT_BYTES = 64;

/** Memory that holds a uc_context. */
export interface NativeContext {
  readonly pointer: number;
  /** The buffer around it, which lives as long as some context in it does. */
  readonly slab: Uint8Array;
}

/**
 * Memory for contexts of Unicorn's: saved and restored in place, without a copy, and collected like
 * any other object once no snapshot holds them.
 */
export class ContextSlabs {
  readonly #library: UnicornLibrary;
  /** How what uc_context_alloc makes begins: some versions keep fields of their own there. */
  #header = new Uint8Array(0);
  #sizeBytes = 0;
  #slab = new Uint8Array(0);
  #base = 0;
  #used = 0;

  constructor(library: UnicornLibrary) {
    this.#library = library;
  }

  /** A context for any instance of the library; `uc` is one. */
  allocate(uc: Pointer): NativeContext {
    if (this.#sizeBytes === 0) this.#learn(uc);
    const sizeBytes = this.#sizeBytes;
    if (this.#used + sizeBytes > this.#slab.length) this.#grow();
    const pointer = this.#base + this.#used;
    this.#slab.set(this.#header, this.#used);
    this.#used += sizeBytes;
    return { pointer, slab: this.#slab };
  }

  #grow(): void {
    this.#slab = new Uint8Array(SLAB_BYTES + ALIGNMENT_BYTES);
    const pointer: unknown = koffi.address(this.#slab);
    assert(typeof pointer === 'bigint', 'the address of a buffer');
    this.#base = Number(pointer);
    this.#used = -this.#base & (ALIGNMENT_BYTES - 1);
  }

  #learn(uc: Pointer): void {
    const sizeBytes = this.#library.contextSizeBytes(uc);
    const context = this.#library.allocateContext(uc);
    this.#sizeBytes = Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    this.#header = new Uint8Array(koffi.view(context, sizeBytes)).slice(0, HEADER_BYTES);
  }
}

/** A CPU context of this engine: Unicorn's own, and what the hooks remember. */
export interface UnicornContext extends CpuContext {
  readonly native: NativeContext;
  readonly instructionPointer: number;
  readonly lastIp: number;
  readonly previousIp: number;
}

/** Whether a context is one of the engine with this id. */
export function isUnicornContext(context: CpuContext, engine: string): context is UnicornContext {
  return context.engine === engine && 'native' in context;
}
