import type { ByteReader } from './byte-reader.ts';
import {
  DT_NEEDED,
  DT_NULL,
  DT_SONAME,
  ET_DYN,
  PF_X,
  PROGRAM_HEADER_BYTES,
  PT_DYNAMIC,
  PT_GNU_STACK,
  PT_INTERP,
} from './elf-constants.ts';
import type { ElfHeader } from './elf-header.ts';
import { refuse } from './refuse.ts';

/** Linux takes no table larger than this (fs/binfmt_elf.c, load_elf_phdrs). */
const TABLE_LIMIT_BYTES = 65536;
const DYNAMIC_ENTRY_BYTES = 16;

/** Elf64_Phdr, as the file has it. */
export interface ProgramHeader {
  /** Position in the table, for messages. */
  readonly index: number;
  readonly type: number;
  /** PF_* bits. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

/** @throws UserError unless the table is of the form that Linux takes and lies inside the file. */
export function readProgramHeaders(
  path: string,
  reader: ByteReader,
  header: ElfHeader,
): ProgramHeader[] {
  const { programHeaderOffset, programHeaderSize, programHeaderCount } = header;
  if (programHeaderCount === 0) refuse('program-malformed', path, 'no program headers');
  if (programHeaderSize !== PROGRAM_HEADER_BYTES) {
    const expected = `instead of ${PROGRAM_HEADER_BYTES}`;
    refuse('program-malformed', path, `program headers of ${programHeaderSize} bytes ${expected}`);
  }
  const tableBytes = programHeaderCount * PROGRAM_HEADER_BYTES;
  if (tableBytes > TABLE_LIMIT_BYTES) {
    refuse('program-malformed', path, `too many program headers (${programHeaderCount})`);
  }
  if (!reader.holds(programHeaderOffset, tableBytes)) {
    refuse('program-truncated', path, 'truncated: program headers behind the end of the file');
  }
  return Array.from({ length: programHeaderCount }, (_, index) =>
    readProgramHeader(reader, programHeaderOffset + index * PROGRAM_HEADER_BYTES, index),
  );
}

function readProgramHeader(reader: ByteReader, at: number, index: number): ProgramHeader {
  return {
    index,
    type: reader.u32(at),
    flags: reader.u32(at + 4),
    offset: reader.u64(at + 8),
    address: reader.u64(at + 16),
    fileSize: reader.u64(at + 32),
    memorySize: reader.u64(at + 40),
    alignment: reader.u64(at + 48),
  };
}

/**
 * Refuses what needs a dynamic linker or an executable stack. PT_TLS and relocations are left to the
 * program's own start-up code.
 * @throws UserError
 */
export function checkSelfContained(
  path: string,
  reader: ByteReader,
  header: ElfHeader,
  headers: readonly ProgramHeader[],
): void {
  const tags = dynamicTags(reader, headers);
  if (headers.some(({ type }) => type === PT_INTERP)) refuseDynamic(path);
  // Libraries carry these tags or no entry at all; a static-PIE has neither tag, and an entry.
  if (header.type === ET_DYN && (tags.named || header.entry === 0)) {
    refuse('program-type', path, 'a shared object, not an executable');
  }
  if (tags.needed) refuseDynamic(path);
  if (headers.some(({ type, flags }) => type === PT_GNU_STACK && (flags & PF_X) !== 0)) {
    refuse(
      'program-write-execute',
      path,
      'asks for an executable stack; link it with -z noexecstack',
    );
  }
}

function refuseDynamic(path: string): never {
  refuse('program-dynamic', path, 'dynamically linked; only static executables run here');
}

interface DynamicTags {
  /** Asks for a shared library. */
  needed: boolean;
  /** Is a shared library by name. */
  named: boolean;
}

function dynamicTags(reader: ByteReader, headers: readonly ProgramHeader[]): DynamicTags {
  const entries = readDynamicEntries(reader, headers);
  return { needed: entries.has(DT_NEEDED), named: entries.has(DT_SONAME) };
}

/** The last value of each tag of the dynamic section, as far as it lies inside the file. */
export function readDynamicEntries(
  reader: ByteReader,
  headers: readonly ProgramHeader[],
): ReadonlyMap<number, number> {
  const entries = new Map<number, number>();
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return entries;
  const end = Math.min(dynamic.offset + dynamic.fileSize, reader.length);
  for (let at = dynamic.offset; at + DYNAMIC_ENTRY_BYTES <= end; at += DYNAMIC_ENTRY_BYTES) {
    const tag = reader.u64(at);
    if (tag === DT_NULL) break;
    entries.set(tag, reader.u64(at + 8));
  }
  return entries;
}
