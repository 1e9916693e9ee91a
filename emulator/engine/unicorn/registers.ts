import koffi from 'koffi';
import { assert } from '../../../kernel-model/assert.ts';
import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { ByteSlabs } from '../../../kernel-model/mm/byte-slabs.ts';
import { REGISTER_FILE_WORDS } from '../register-file.ts';
import type { Pointer, UnicornLibrary } from './ffi.ts';
import { type HostMemory, reserveHostMemory } from './host-memory.ts';
import { FILE_REGISTERS, REGISTER_IDS, RIP_ID } from './register-ids.ts';

const SCRATCH_BYTES = 4096;

/** Registers and contexts of one Unicorn instance, through scratch memory allocated once. */
export class RegisterAccess {
  readonly fileWords = REGISTER_FILE_WORDS;
  readonly #library: UnicornLibrary;
  readonly #uc: number;
  readonly #scratch: HostMemory = reserveHostMemory(SCRATCH_BYTES);
  readonly #words: BigUint64Array;
  readonly #context: number;
  readonly #scratchPointer: number;
  readonly #slabs: ByteSlabs;
  readonly #contextBytes: Uint8Array;

  constructor(library: UnicornLibrary, uc: Pointer, slabs: ByteSlabs) {
    this.#library = library;
    this.#uc = Number(uc);
    this.#slabs = slabs;
    this.#words = new BigUint64Array(this.#scratch.buffer);
    const context = library.allocateContext(uc);
    this.#context = Number(context);
    this.#scratchPointer = Number(this.#scratch.pointer);
    this.#contextBytes = contextData(context, library.contextSizeBytes(uc));
  }

  read(register: RegisterName): bigint {
    return this.#readId(REGISTER_IDS[register]);
  }

  readInstructionPointer(): bigint {
    return this.#readId(RIP_ID);
  }

  #readId(id: number): bigint {
    this.#words[0] = 0n;
    this.#library.readRegister(this.#uc, id, this.#scratchPointer);
    return this.#words[0] ?? 0n;
  }

  write(register: RegisterName, value: bigint): void {
    this.#words[0] = value;
    this.#library.writeRegister(this.#uc, REGISTER_IDS[register], this.#scratchPointer);
  }

  /** Fills `file` but for rip; returns it. */
  readFile(file: BigUint64Array): BigUint64Array {
    assert(file.length >= REGISTER_FILE_WORDS, 'a whole register file');
    this.#words.fill(0n, 0, REGISTER_FILE_WORDS);
    for (const { id, index } of FILE_REGISTERS) {
      this.#library.readRegister(this.#uc, id, this.#scratchPointer + index * 8);
    }
    file.set(this.#words.subarray(0, REGISTER_FILE_WORDS));
    return file;
  }

  /** Sets every register of `file` but rip. */
  writeFile(file: BigUint64Array): void {
    this.#words.set(file.subarray(0, REGISTER_FILE_WORDS));
    for (const { id, index } of FILE_REGISTERS) {
      this.#library.writeRegister(this.#uc, id, this.#scratchPointer + index * 8);
    }
  }

  /** The registers as bytes, in `reuse` if that is given. */
  saveContext(reuse?: Uint8Array): Uint8Array {
    this.#library.saveContext(this.#uc, this.#context);
    if (reuse === undefined) return this.#slabs.copy(this.#contextBytes);
    reuse.set(this.#contextBytes);
    return reuse;
  }

  restoreContext(bytes: Uint8Array): void {
    this.#contextBytes.set(bytes);
    this.#library.restoreContext(this.#uc, this.#context);
  }
}

/** Size, mode and architecture: what every version's uc_context begins with. */
const CONTEXT_HEADER_BYTES = 16;

/**
 * A uc_context without its header. Some versions have fields of their own before the registers, at
 * alignments of their own; they are the same in all contexts that hold registers only.
 */
function contextData(context: Pointer, sizeBytes: number): Uint8Array {
  const whole = koffi.view(context, sizeBytes);
  const registerBytes = Number(new BigUint64Array(whole, 0, 1)[0] ?? 0n);
  assert(
    registerBytes > 0 && registerBytes + CONTEXT_HEADER_BYTES <= sizeBytes,
    'the layout of uc_context is as expected',
  );
  return new Uint8Array(whole, CONTEXT_HEADER_BYTES);
}
