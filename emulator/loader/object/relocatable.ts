import { ByteReader } from '../byte-reader.ts';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_TLS,
  SHF_WRITE,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_RELA,
  SHT_SYMTAB,
  SYMBOL_BYTES,
} from '../elf-constants.ts';
import type { ElfHeader } from '../elf-header.ts';
import { type ElfSection, readSections } from '../elf-sections.ts';
import { refuse } from '../refuse.ts';
import { findSymbolSource, SymbolTable } from '../symbols.ts';
import type { ObjectContents } from './linked.ts';
import { EXTERNAL_BASE, type ObjectSegment } from './object-image.ts';
import { RelocatedSegments } from './relocated-segments.ts';
import { applyRelocations, type SymbolValue } from './relocations.ts';

/** Where the first section is put, so that no address looks like a null pointer. */
const FIRST_ADDRESS = 0x1_0000;
const LARGEST_ALIGNMENT_BYTES = 2 ** 21;
const SIZE_LIMIT_BYTES = 2 ** 34;
/** Between the sections, so that nothing seems to run on from one into the next. */
const GAP_BYTES = 16;
const EXTERNAL_STRIDE_BYTES = 4096;
/** Distances from the thread pointer that stand for thread-local variables, here and elsewhere. */
const LOCAL_TLS_BASE = -0x100_0000;
const EXTERNAL_TLS_BASE = -0x4000_0000;

/** An object that is not linked yet, laid out and relocated as a linker would. @throws UserError */
export function readRelocatable(
  path: string,
  reader: ByteReader,
  header: ElfHeader,
): ObjectContents {
  const { sections: unplaced, problem } = readSections(reader, header, 0);
  const sections = place(path, unplaced);
  const relocated = new RelocatedSegments(sections.filter(isLoaded).map(toSegment));
  for (const { type, bytes, link, info } of sections) {
    const target = sections[info];
    if (type !== SHT_RELA || target === undefined || !isLoaded(target)) continue;
    const symbolValue = symbolValues(sections, sections[link]);
    applyRelocations(bytes, target.address, symbolValue, relocated.writable);
  }
  return {
    kind: 'relocatable',
    segments: relocated.segments,
    sections: sections.slice(1),
    symbols: new SymbolTable(findSymbolSource(sections, 0, true)),
    problem,
  };
}

function isLoaded({ flags }: ElfSection): boolean {
  return (flags & SHF_ALLOC) !== 0;
}

function place(path: string, sections: readonly ElfSection[]): readonly ElfSection[] {
  let next = FIRST_ADDRESS;
  return sections.map((section) => {
    if (!isLoaded(section)) return section;
    const alignment = Math.min(Math.max(section.alignment, 1), LARGEST_ALIGNMENT_BYTES);
    const address = Math.ceil(next / alignment) * alignment;
    next = address + section.size + GAP_BYTES;
    if (!(next < SIZE_LIMIT_BYTES)) refuse('program-malformed', path, 'its sections are too large');
    return { ...section, address };
  });
}

function toSegment({ address, size, bytes, flags }: ElfSection): ObjectSegment {
  return {
    address,
    size,
    bytes: bytes.subarray(0, size),
    writable: (flags & SHF_WRITE) !== 0,
    executable: (flags & SHF_EXECINSTR) !== 0,
  };
}

/** Undefined symbols get addresses of their own, outside of everything. */
function symbolValues(sections: readonly ElfSection[], table: ElfSection | undefined): SymbolValue {
  const reader = new ByteReader(table?.type === SHT_SYMTAB ? table.bytes : new Uint8Array(0));
  return (index) => {
    const at = index * SYMBOL_BYTES;
    if (at + SYMBOL_BYTES > reader.length) return undefined;
    const sectionIndex = reader.u16(at + 6);
    const value = reader.u64(at + 8);
    const isTls = (reader.u8(at + 4) & 15) === STT_TLS;
    if (sectionIndex === SHN_UNDEF) {
      const distance = index * EXTERNAL_STRIDE_BYTES;
      return isTls ? EXTERNAL_TLS_BASE + distance : EXTERNAL_BASE + distance;
    }
    if (sectionIndex >= SHN_LORESERVE) return value;
    const section = sections[sectionIndex];
    if (section === undefined) return undefined;
    return (section.flags & SHF_TLS) !== 0 ? LOCAL_TLS_BASE + value : section.address + value;
  };
}

const STT_TLS = 6;
