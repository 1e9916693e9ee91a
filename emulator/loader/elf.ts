import { basename } from 'node:path';
import { formatAddress, guestAddress } from '../../kernel-model/hardware/address.ts';
import { ByteReader } from './byte-reader.ts';
import { PF_X, PROGRAM_HEADER_BYTES } from './elf-constants.ts';
import { type ElfHeader, readElfHeader } from './elf-header.ts';
import {
  checkSelfContained,
  type ProgramHeader,
  readProgramHeaders,
} from './elf-program-headers.ts';
import { readSections } from './elf-sections.ts';
import { chooseLoadBias, loadHeaders, mapSegments } from './elf-segments.ts';
import type { LoadedProgram, ProgramHeaderTable } from './image.ts';
import { refuse, shownPath } from './refuse.ts';
import { sha256 } from './sha256.ts';
import { findSymbolSource, SymbolTable } from './symbols.ts';

/**
 * A static ELF64 executable, fixed or static-PIE, as load_elf_binary() of fs/binfmt_elf.c maps it.
 * Relocations and TLS are left to the program's start-up code, as in Linux. Unlike Linux, a static-PIE
 * lies where Linux puts programs with an interpreter, and nothing is writable and executable.
 * @param bytes the whole file, with the ELF magic; the image keeps views of it.
 * @throws UserError for everything else, in one line.
 */
export function parseElf(path: string, bytes: Uint8Array): LoadedProgram {
  const reader = new ByteReader(bytes);
  const header = readElfHeader(path, reader);
  const headers = readProgramHeaders(path, reader, header);
  checkSelfContained(path, reader, header, headers);
  const loads = loadHeaders(headers);
  const loadBias = chooseLoadBias(header, loads);
  const segments = mapSegments(path, reader, loads, loadBias);
  const { sections, problem } = readSections(reader, header, loadBias);
  const highest = segments.at(-1);
  const image = {
    path,
    baseName: basename(path),
    format: 'elf' as const,
    sha256: sha256(bytes),
    entry: guestAddress(checkEntry(path, header, loads) + loadBias),
    segments,
    programHeaders: locateProgramHeaders(header, loads, loadBias),
    breakStart: guestAddress(highest === undefined ? 0 : highest.address + highest.memorySize),
    symbols: new SymbolTable(findSymbolSource(sections, loadBias)),
    sections: sections.slice(1),
    loadBias,
  };
  return {
    image,
    warnings: problem === undefined ? [] : [`${shownPath(path)}: ${problem}`],
  };
}

function checkEntry(path: string, { entry }: ElfHeader, loads: readonly ProgramHeader[]): number {
  const executable = loads.some(
    ({ flags, address, memorySize }) =>
      (flags & PF_X) !== 0 && entry >= address && entry < address + memorySize,
  );
  if (!executable) {
    const where = formatAddress(entry);
    refuse('program-malformed', path, `the entry ${where} is in no executable segment`);
  }
  return entry;
}

/** load_elf_binary(): the address in the last segment whose file part holds the start of the table. */
function locateProgramHeaders(
  { programHeaderOffset, programHeaderCount }: ElfHeader,
  loads: readonly ProgramHeader[],
  loadBias: number,
): ProgramHeaderTable {
  const holder = loads.findLast(
    ({ offset, fileSize }) =>
      programHeaderOffset >= offset && programHeaderOffset < offset + fileSize,
  );
  const unbiased =
    holder === undefined ? 0 : holder.address + (programHeaderOffset - holder.offset);
  return {
    address: unbiased + loadBias,
    entrySize: PROGRAM_HEADER_BYTES,
    count: programHeaderCount,
  };
}
