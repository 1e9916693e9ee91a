import type { GuestAddress } from '../../kernel-model/hardware/address.ts';
import type { SymbolTable } from './symbols.ts';

/** How a program file is read: an ELF64 executable, or a flat image entered at its first byte. */
export type ProgramFormat = 'flat' | 'elf';

/**
 * Whole pages of the initial address space. The guest sees `bytes` from `address` on, then zeros up
 * to `memorySize`, as after fs/binfmt_elf.c elf_load():
 * - `bytes` begins at the page boundary, with what the file holds before the segment in that page;
 * - it ends where the segment's file part ends if the segment is writable and has a zero-filled part
 *   (padzero); otherwise it holds what the file holds up to the end of the last page.
 *
 * One difference: pages of pure zero-fill have the protection of their segment, where Linux
 * makes them writable whatever the segment says.
 */
export interface Segment {
  readonly address: GuestAddress;
  /** In bytes, a multiple of the page size. */
  readonly memorySize: number;
  /** A view of the file, not a copy. */
  readonly bytes: Uint8Array;
  /** PROT_READ, PROT_WRITE and PROT_EXEC of mmap(2). */
  readonly protection: number;
  /** What the segment is for, as messages call it. */
  readonly name: string;
}

/** A section header; sections describe a program to tools, the loader itself does not need them. */
export interface Section {
  readonly name: string;
  /** Where the section is in guest memory (load bias applied); 0 if it is not loaded. */
  readonly address: number;
  /** In bytes. */
  readonly size: number;
  /** In the file. */
  readonly offset: number;
  /** SHF_* bits; those above bit 52 are lost. */
  readonly flags: number;
  /** SHT_*. */
  readonly type: number;
  /** A view of the section in its file, before relocation; empty for SHT_NOBITS or outside it. */
  readonly bytes: Uint8Array;
}

/** What AT_PHDR, AT_PHENT and AT_PHNUM tell the program. */
export interface ProgramHeaderTable {
  /** Where the table is in guest memory; the load bias alone if no segment holds it, as in Linux. */
  readonly address: number;
  /** Of one entry, in bytes. */
  readonly entrySize: number;
  readonly count: number;
}

/** A program as it is to be mapped, made from the bytes of its file alone. */
export interface ProgramImage {
  /** As the user gave it. */
  readonly path: string;
  /** The last component of `path`: argv[0] and AT_EXECFN, so that no run depends on a directory. */
  readonly baseName: string;
  readonly format: ProgramFormat;
  /** SHA-256 of the whole file in hexadecimal. */
  readonly sha256: string;
  readonly entry: GuestAddress;
  /** By ascending address; no two share a page. */
  readonly segments: readonly Segment[];
  /** Absent for flat images. */
  readonly programHeaders?: ProgramHeaderTable;
  /** Page-aligned end of the highest segment: where brk(2) starts (load_elf_binary, elf_brk). */
  readonly breakStart: GuestAddress;
  readonly symbols: SymbolTable;
  /** Empty if the file has none; for flat images those of the ELF file that brought the symbols. */
  readonly sections: readonly Section[];
  /** Added to every address in the file: 0 unless the program is position-independent. */
  readonly loadBias: number;
}

/** An image, and what the user should know although the program runs. */
export interface LoadedProgram {
  readonly image: ProgramImage;
  /** One line each. */
  readonly warnings: readonly string[];
}

/** The bytes of a section in its file by name (the first of that name), before relocation. */
export function sectionBytes(image: ProgramImage, name: string): Uint8Array | undefined {
  return image.sections.find((section) => section.name === name)?.bytes;
}

/**
 * Initial memory [address, address + length), before the program relocates itself; `undefined` unless
 * one segment holds it all. A view where the file holds it all, else a copy.
 */
export function initialMemory(
  segments: readonly Segment[],
  address: number,
  length: number,
): Uint8Array | undefined {
  const segment = segments.find(
    (candidate) =>
      address >= candidate.address && address + length <= candidate.address + candidate.memorySize,
  );
  if (segment === undefined) return undefined;
  const start = address - segment.address;
  const inFile = segment.bytes.subarray(start, start + length);
  if (inFile.length === length) return inFile;
  const copy = new Uint8Array(length);
  copy.set(inFile);
  return copy;
}
