import {
  formatAddress,
  type GuestAddress,
  toGuestAddress,
} from '../../kernel-model/hardware/address.ts';
import { PROT_EXEC } from '../../kernel-model/mm/mapping.ts';
import { ByteReader } from './byte-reader.ts';
import { R_X86_64_RELATIVE, RELA_BYTES, SHT_RELA } from './elf-constants.ts';
import { initialMemory, type ProgramImage, type Section } from './image.ts';

/** struct rseq_cs: u32 version, u32 flags, u64 start_ip, u64 post_commit_offset, u64 abort_ip. */
const DESCRIPTOR_BYTES = 32;
const START_IP_OFFSET = 8;
const ABORT_IP_OFFSET = 24;
const POINTER_BYTES = 8;

/** What a program says in its ELF sections about its restartable sections. */
export interface RseqDescriptors {
  /** Of struct rseq_cs in guest memory, in the order of the table; duplicates are kept. */
  readonly addresses: readonly GuestAddress[];
  /** Why `addresses` is empty although there is a table. */
  readonly warning?: string;
}

/**
 * The rseq descriptors of a program: those that `__rseq_cs_ptr_array` points to or, without that
 * array, those found in `__rseq_cs`, as librseq lays them out. Position-independent programs are read as
 * if they had relocated themselves. Damaged tables yield a warning, never an exception.
 */
export function rseqDescriptorAddresses(image: ProgramImage): RseqDescriptors {
  const pointers = image.sections.find(({ name }) => name === '__rseq_cs_ptr_array');
  const table = pointers ?? image.sections.find(({ name }) => name === '__rseq_cs');
  if (table === undefined || table.size === 0) return { addresses: [] };
  const words = new InitialWords(image, table);
  return pointers === undefined ? scan(image, table, words) : follow(image, table, words);
}

function follow(image: ProgramImage, array: Section, words: InitialWords): RseqDescriptors {
  if (!words.present) return damaged(array, 'it lies outside the program');
  if (array.size % POINTER_BYTES !== 0) return damaged(array, 'it ends in half a pointer');
  const addresses: GuestAddress[] = [];
  for (let at = array.address; at < array.address + array.size; at += POINTER_BYTES) {
    const address = words.pointerAt(at);
    if (
      address === undefined ||
      initialMemory(image.segments, address, DESCRIPTOR_BYTES) === undefined
    ) {
      return damaged(array, `the entry at ${formatAddress(at)} points outside the program`);
    }
    addresses.push(address);
  }
  return { addresses };
}

/** Descriptors are aligned to their size; slots of zeros between them are padding. */
function scan(image: ProgramImage, table: Section, words: InitialWords): RseqDescriptors {
  if (!words.present) return damaged(table, 'it lies outside the program');
  const addresses: GuestAddress[] = [];
  const end = table.address + table.size - DESCRIPTOR_BYTES;
  const first = Math.ceil(table.address / DESCRIPTOR_BYTES) * DESCRIPTOR_BYTES;
  for (let at = first; at <= end; at += DESCRIPTOR_BYTES) {
    if (words.areZero(at, DESCRIPTOR_BYTES)) continue;
    const address = toGuestAddress(BigInt(at));
    const start = words.pointerAt(at + START_IP_OFFSET);
    const abort = words.pointerAt(at + ABORT_IP_OFFSET);
    if (address === undefined || !isCode(image, start) || !isCode(image, abort)) {
      return damaged(table, `no descriptor at ${formatAddress(at)}`);
    }
    addresses.push(address);
  }
  return { addresses };
}

function damaged({ name }: Section, reason: string): RseqDescriptors {
  return { addresses: [], warning: `section ${name} is damaged: ${reason}` };
}

function isCode(image: ProgramImage, address: GuestAddress | undefined): boolean {
  return (
    address !== undefined &&
    image.segments.some(
      (segment) =>
        (segment.protection & PROT_EXEC) !== 0 &&
        address >= segment.address &&
        address < segment.address + segment.memorySize,
    )
  );
}

/** The words of a section as they are once the program has relocated itself. */
class InitialWords {
  /** Whether the whole section lies in the initial memory. */
  readonly present: boolean;
  readonly #start: number;
  readonly #reader: ByteReader;
  readonly #loadBias: number;
  /** By address: what R_X86_64_RELATIVE relocations store there. */
  readonly #relocated: ReadonlyMap<number, number>;

  constructor(image: ProgramImage, section: Section) {
    // A table without bytes in the file could be as large as its header says; it is not copied.
    const inFile = section.bytes.length === section.size;
    const memory = inFile
      ? initialMemory(image.segments, section.address, section.size)
      : undefined;
    this.present = memory !== undefined;
    this.#start = section.address;
    this.#reader = new ByteReader(memory ?? new Uint8Array(0));
    this.#loadBias = image.loadBias;
    this.#relocated = relativeRelocations(image, section);
  }

  areZero(address: number, length: number): boolean {
    const at = address - this.#start;
    if (this.#reader.bytes.subarray(at, at + length).some((byte) => byte !== 0)) return false;
    for (let offset = 0; offset < length; offset += POINTER_BYTES) {
      if (this.#relocated.has(address + offset)) return false;
    }
    return true;
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
function relativeRelocations(image: ProgramImage, target: Section): Map<number, number> {
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
