import { type GuestAddress, toGuestAddress } from '../../kernel-model/hardware/address.ts';
import { ByteReader } from './byte-reader.ts';
import { R_X86_64_RELATIVE, RELA_BYTES, SHT_RELA } from './elf-constants.ts';
import { initialMemory, type ProgramImage, type Section } from './image.ts';

const POINTER_BYTES = 8;

/** A range of guest memory. */
interface Place {
  readonly address: number;
  /** In bytes. */
  readonly size: number;
}

/** The words of a piece of initial memory as they are once the program has relocated itself. */
export class InitialWords {
  /** Whether all of it lies in the initial memory. */
  readonly present: boolean;
  readonly #start: number;
  readonly #reader: ByteReader;
  readonly #loadBias: number;
  /** By address: what R_X86_64_RELATIVE relocations store there. */
  readonly #relocated: ReadonlyMap<number, number>;

  /** @param place a section, or a range of guest memory. */
  constructor(image: ProgramImage, place: Place | Section) {
    // A table without bytes in the file could be as large as its header says; it is not copied.
    const inFile = !('bytes' in place) || place.bytes.length === place.size;
    const memory = inFile ? initialMemory(image.segments, place.address, place.size) : undefined;
    this.present = memory !== undefined;
    this.#start = place.address;
    this.#reader = new ByteReader(memory ?? new Uint8Array(0));
    this.#loadBias = image.loadBias;
    this.#relocated = relativeRelocations(image, place);
  }

  areZero(address: number, length: number): boolean {
    const at = address - this.#start;
    if (this.#reader.bytes.subarray(at, at + length).some((byte) => byte !== 0)) return false;
    for (let offset = 0; offset < length; offset += POINTER_BYTES) {
      if (this.#relocated.has(address + offset)) return false;
    }
    return true;
  }

  /** A word that is no address, as it is in the file. */
  wordAt(address: number): number {
    return this.#reader.u64(address - this.#start);
  }

  /**
   * A pointer inside the section. Without a relocation of its own the word is taken for a link-time
   * address that the program shifts, as it does for packed (RELR) relocations.
   */
  pointerAt(address: number): GuestAddress | undefined {
    const value =
      this.#relocated.get(address) ?? this.#reader.u64(address - this.#start) + this.#loadBias;
    return Number.isSafeInteger(value) && value >= 0 ? toGuestAddress(BigInt(value)) : undefined;
  }
}

/** The relative relocations of words inside a section: Elf64_Rela is offset, info, addend. */
function relativeRelocations(image: ProgramImage, target: Place): Map<number, number> {
  const relocated = new Map<number, number>();
  for (const { type, bytes } of image.sections) {
    if (type !== SHT_RELA) continue;
    const reader = new ByteReader(bytes);
    for (let at = 0; at + RELA_BYTES <= reader.length; at += RELA_BYTES) {
      const address = reader.u64(at) + image.loadBias;
      if (address < target.address || address >= target.address + target.size) continue;
      if (reader.u32(at + 8) !== R_X86_64_RELATIVE) continue;
      relocated.set(address, reader.u64(at + 16) + image.loadBias);
    }
  }
  return relocated;
}
