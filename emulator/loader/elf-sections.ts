import type { ByteReader } from './byte-reader.ts';
import {
  SECTION_HEADER_BYTES,
  SHF_ALLOC,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_STRTAB,
} from './elf-constants.ts';
import type { ElfHeader } from './elf-header.ts';
import type { Section } from './image.ts';
import { printable } from './refuse.ts';

/** More than any linker makes of a program; keeps absurd headers from filling our memory. */
const SECTION_LIMIT = 100_000;
const NAME_LIMIT_BYTES = 4096;

/** A section with what is needed to follow it to others. */
export interface ElfSection extends Section {
  /** sh_link: for a symbol table the index of its string table. */
  readonly link: number;
  /** sh_info: for a table of relocations the index of the section that they are for. */
  readonly info: number;
  /** sh_addralign, in bytes. */
  readonly alignment: number;
}

/** Sections by index, the null section included; `problem` says why there are none, or not all. */
export interface ElfSections {
  readonly sections: readonly ElfSection[];
  readonly problem?: string;
}

/**
 * Reads the section headers. As a kernel runs a program whatever they say, damage is no error: what
 * cannot be read is left out and described. The address of loaded sections gets `loadBias` added.
 */
export function readSections(reader: ByteReader, header: ElfHeader, loadBias: number): ElfSections {
  const table = header.sectionHeaderOffset;
  if (table === 0) return { sections: [] };
  if (header.sectionHeaderSize !== SECTION_HEADER_BYTES) {
    return { sections: [], problem: `section headers of ${header.sectionHeaderSize} bytes` };
  }
  if (!reader.holds(table, SECTION_HEADER_BYTES)) {
    return { sections: [], problem: 'section headers behind the end of the file' };
  }
  // Counts that do not fit the ELF header are kept in the null section (gABI, extended numbering).
  const count =
    header.sectionHeaderCount === 0 ? reader.u64(table + 32) : header.sectionHeaderCount;
  if (count > SECTION_LIMIT) return { sections: [], problem: 'too many section headers' };
  if (!reader.holds(table, count * SECTION_HEADER_BYTES)) {
    return { sections: [], problem: 'section headers behind the end of the file' };
  }
  const nameIndex =
    header.sectionNameIndex === SHN_XINDEX ? reader.u32(table + 40) : header.sectionNameIndex;
  const names = nameTable(reader, table, count, nameIndex);
  let outside = 0;
  const sections = Array.from({ length: count }, (_, index) => {
    const section = readSection(reader, table + index * SECTION_HEADER_BYTES, names, loadBias);
    if (section.type !== SHT_NOBITS && section.bytes.length !== section.size) outside++;
    return section;
  });
  if (outside === 0) return { sections };
  return { sections, problem: `${outside} of ${count} sections end behind the end of the file` };
}

function nameTable(
  reader: ByteReader,
  table: number,
  count: number,
  nameIndex: number,
): Uint8Array {
  const at = table + nameIndex * SECTION_HEADER_BYTES;
  if (nameIndex >= count || reader.u32(at + 4) !== SHT_STRTAB) return new Uint8Array(0);
  return contents(reader, reader.u64(at + 24), reader.u64(at + 32));
}

function readSection(
  reader: ByteReader,
  at: number,
  names: Uint8Array,
  loadBias: number,
): ElfSection {
  const type = reader.u32(at + 4);
  const flags = reader.u64(at + 8);
  const offset = reader.u64(at + 24);
  const size = reader.u64(at + 32);
  return {
    name: readString(names, reader.u32(at)),
    address: reader.u64(at + 16) + ((flags & SHF_ALLOC) !== 0 ? loadBias : 0),
    size,
    offset,
    flags,
    type,
    link: reader.u32(at + 40),
    info: reader.u32(at + 44),
    alignment: reader.u64(at + 48),
    bytes: type === SHT_NOBITS ? new Uint8Array(0) : contents(reader, offset, size),
  };
}

function contents(reader: ByteReader, offset: number, size: number): Uint8Array {
  return reader.holds(offset, size)
    ? reader.bytes.subarray(offset, offset + size)
    : new Uint8Array(0);
}

const decoder = new TextDecoder();

/** The string at `offset` of a string table, made printable; empty if there is none. */
export function readString(strings: Uint8Array, offset: number): string {
  if (offset >= strings.length) return '';
  const bytes = strings.subarray(offset, offset + NAME_LIMIT_BYTES);
  const end = bytes.indexOf(0);
  return printable(decoder.decode(end < 0 ? bytes : bytes.subarray(0, end)));
}
