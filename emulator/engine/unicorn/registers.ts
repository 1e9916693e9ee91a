import { assert } from '../../../kernel-model/assert.ts';
import { REGISTER_FILE_WORDS } from '../../../kernel-model/hardware/register-file.ts';
import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { ContextSlabs, NativeContext } from './context-slabs.ts';
import type { Pointer, UnicornLibrary } from './ffi.ts';
import { type HostMemory, reserveHostMemory } from './host-memory.ts';
import { FILE_REGISTERS, REGISTER_IDS, RIP_ID } from './register-ids.ts';

const SCRATCH_BYTES = 4096;

/** Registers and contexts of one Unicorn instance, through scratch memory allocated once. */
export class RegisterAccess {
  readonly fileWords = REGISTER_FILE_WORDS;
  readonly #library: UnicornLibrary;
  readonly #uc: number;
  readonly #pointer: Pointer;
  readonly #scratch: HostMemory = reserveHostMemory(SCRATCH_BYTES);
  readonly #words: BigUint64Array;
  readonly #scratchPointer: number;
  /** What uc_reg_read_batch takes for the register file: its registers, and where each goes. */
  readonly #fileIds: number;
  readonly #fileTargets: number;
  readonly #slabs: ContextSlabs;

  constructor(library: UnicornLibrary, uc: Pointer, slabs: ContextSlabs) {
    this.#library = library;
    this.#uc = Number(uc);
    this.#pointer = uc;
    this.#slabs = slabs;
    this.#words = new BigUint64Array(this.#scratch.buffer);
    this.#scratchPointer = Number(this.#scratch.pointer);
    const idsOffset = REGISTER_FILE_WORDS * 8;
    const targetsOffset = idsOffset + FILE_REGISTERS.length * 8;
    const ids = new Int32Array(this.#scratch.buffer, idsOffset, FILE_REGISTERS.length);
    ids.set(FILE_REGISTERS.map(({ id }) => id));
    const targets = new BigUint64Array(this.#scratch.buffer, targetsOffset, FILE_REGISTERS.length);
    targets.set(FILE_REGISTERS.map(({ index }) => BigInt(this.#scratchPointer + index * 8)));
    this.#fileIds = this.#scratchPointer + idsOffset;
    this.#fileTargets = this.#scratchPointer + targetsOffset;
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
    const count = FILE_REGISTERS.length;
    this.#library.readRegisters(this.#uc, this.#fileIds, this.#fileTargets, count);
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

  /** The registers as a context of Unicorn's own, in `reuse` if that is given. */
  saveContext(reuse?: NativeContext): NativeContext {
    const context = reuse ?? this.#slabs.allocate(this.#pointer);
    this.#library.saveContext(this.#uc, context.pointer);
    return context;
  }

  restoreContext({ pointer }: NativeContext): void {
    this.#library.restoreContext(this.#uc, pointer);
  }
}
