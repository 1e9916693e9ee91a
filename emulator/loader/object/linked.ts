import { TASK_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { ByteReader } from '../byte-reader.ts';
import {
  DF_1_PIE,
  DT_FLAGS_1,
  DT_RELA,
  DT_RELASZ,
  ET_EXEC,
  PF_W,
  PF_X,
  PT_INTERP,
  PT_LOAD,
  SHF_ALLOC,
  SHT_RELA,
  SYMBOL_BYTES,
} from '../elf-constants.ts';
import type { ElfHeader } from '../elf-header.ts';
import {
  type ProgramHeader,
  readDynamicEntries,
  readProgramHeaders,
} from '../elf-program-headers.ts';
import { type ElfSection, readSections } from '../elf-sections.ts';
import { refuse } from '../refuse.ts';
import { findSymbolSource, SymbolTable } from '../symbols.ts';
import type { ObjectImage, ObjectKind, ObjectSegment } from './object-image.ts';
import { ObjectMemory } from './object-memory.ts';
import { RelocatedSegments } from './relocated-segments.ts';
import { applyRelocations, type SymbolValue } from './relocations.ts';

/** What is read of a file besides its path and hash. */
export type ObjectContents = Pick<ObjectImage, 'kind' | 'segments' | 'sections' | 'symbols'> & {
  /** Why the section headers are not all there. */
  readonly problem?: string | undefined;
};

/** An executable or a shared object, as mapped at its own addresses. @throws UserError */
export function readLinked(path: string, reader: ByteReader, header: ElfHeader): ObjectContents {
  const headers = readProgramHeaders(path, reader, header);
  const segments = headers
    .filter(({ type, memorySize }) => type === PT_LOAD && memorySize > 0)
    .map((load) => toSegment(path, reader, load))
    .sort((a, b) => a.address - b.address);
  if (segments.length === 0) refuse('program-malformed', path, 'no loadable segment');
  const { sections, problem } = readSections(reader, header, 0);
  const dynamic = readDynamicEntries(reader, headers);
  return {
    kind: kindOf(header, headers, dynamic),
    segments: header.type === ET_EXEC ? segments : relocate(segments, sections, dynamic),
    sections: sections.slice(1),
    symbols: new SymbolTable(findSymbolSource(sections, 0)),
    problem,
  };
}

function toSegment(path: string, reader: ByteReader, load: ProgramHeader): ObjectSegment {
  const { offset, fileSize, memorySize, address, flags, index } = load;
  if (!reader.holds(offset, fileSize)) {
    refuse(
      'program-truncated',
      path,
      `truncated: segment ${index} ends behind the end of the file`,
    );
  }
  if (address + memorySize > TASK_SIZE) {
    refuse('program-malformed', path, `segment ${index} lies outside user space`);
  }
  return {
    address,
    size: memorySize,
    bytes: reader.bytes.subarray(offset, offset + Math.min(fileSize, memorySize)),
    writable: (flags & PF_W) !== 0,
    executable: (flags & PF_X) !== 0,
  };
}

function kindOf(
  { type }: ElfHeader,
  headers: readonly ProgramHeader[],
  dynamic: ReadonlyMap<number, number>,
): ObjectKind {
  const isExecutable =
    type === ET_EXEC ||
    headers.some((each) => each.type === PT_INTERP) ||
    ((dynamic.get(DT_FLAGS_1) ?? 0) & DF_1_PIE) !== 0;
  return isExecutable ? 'executable' : 'shared-object';
}

/** The segments as the dynamic linker, or the program itself, leaves them at load bias 0. */
function relocate(
  segments: readonly ObjectSegment[],
  sections: readonly ElfSection[],
  dynamic: ReadonlyMap<number, number>,
): readonly ObjectSegment[] {
  const relocated = new RelocatedSegments(segments);
  const tables = sections.filter(
    ({ type, flags }) => type === SHT_RELA && (flags & SHF_ALLOC) !== 0,
  );
  for (const { bytes, link } of tables) {
    applyRelocations(bytes, 0, dynamicSymbols(sections[link]), relocated.writable);
  }
  if (tables.length === 0) {
    const start = dynamic.get(DT_RELA) ?? 0;
    const bytes = new ObjectMemory(segments).bytesAt(start, dynamic.get(DT_RELASZ) ?? 0);
    applyRelocations(bytes ?? new Uint8Array(0), 0, () => undefined, relocated.writable);
  }
  return relocated.segments;
}

/** Values of the symbols that a file defines itself; where others define them is not known. */
function dynamicSymbols(table: ElfSection | undefined): SymbolValue {
  const view = new DataView(
    table?.bytes.buffer ?? new ArrayBuffer(0),
    table?.bytes.byteOffset ?? 0,
    table?.bytes.byteLength ?? 0,
  );
  return (index) => {
    const at = index * SYMBOL_BYTES;
    if (at + SYMBOL_BYTES > view.byteLength || view.getUint16(at + 6, true) === 0) return undefined;
    return Number(view.getBigUint64(at + 8, true));
  };
}
