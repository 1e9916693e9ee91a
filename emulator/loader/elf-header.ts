import type { ByteReader } from './byte-reader.ts';
import {
  ELF_HEADER_BYTES,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  EM_X86_64,
  ET_CORE,
  ET_DYN,
  ET_EXEC,
  ET_REL,
  EV_CURRENT,
  machineName,
} from './elf-constants.ts';
import { refuse } from './refuse.ts';

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const EI_CLASS = 4;
const EI_DATA = 5;
const EI_VERSION = 6;
/** Class, byte order, type and machine lie in front of this offset in every class of ELF. */
const COMMON_BYTES = 20;

/** The fields of Elf64_Ehdr that matter, as the file has them. */
export interface ElfHeader {
  readonly type: typeof ET_EXEC | typeof ET_DYN | typeof ET_REL;
  readonly entry: number;
  readonly programHeaderOffset: number;
  readonly programHeaderSize: number;
  readonly programHeaderCount: number;
  readonly sectionHeaderOffset: number;
  readonly sectionHeaderSize: number;
  readonly sectionHeaderCount: number;
  readonly sectionNameIndex: number;
}

/** Whether the file begins as ELF files do. */
export function hasElfMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/**
 * Reads the header of a file with the ELF magic.
 * @param relocatable whether an object that is not linked yet will do.
 * @throws UserError if it is not a linked 64-bit little-endian x86-64 program or library.
 */
export function readElfHeader(path: string, reader: ByteReader, relocatable = false): ElfHeader {
  if (reader.length < COMMON_BYTES) refuseShortHeader(path, reader);
  checkMachine(path, reader);
  if (reader.length < ELF_HEADER_BYTES) refuseShortHeader(path, reader);
  if (reader.u8(EI_VERSION) !== EV_CURRENT) {
    refuse('program-malformed', path, `unknown ELF version ${reader.u8(EI_VERSION)}`);
  }
  return {
    type: readType(path, reader, relocatable),
    entry: reader.u64(24),
    programHeaderOffset: reader.u64(32),
    sectionHeaderOffset: reader.u64(40),
    programHeaderSize: reader.u16(54),
    programHeaderCount: reader.u16(56),
    sectionHeaderSize: reader.u16(58),
    sectionHeaderCount: reader.u16(60),
    sectionNameIndex: reader.u16(62),
  };
}

function refuseShortHeader(path: string, reader: ByteReader): never {
  const { length } = reader;
  refuse(
    'program-truncated',
    path,
    `truncated: ${length} of the ${ELF_HEADER_BYTES} bytes of an ELF header`,
  );
}

function checkMachine(path: string, reader: ByteReader): void {
  const elfClass = reader.u8(EI_CLASS);
  if (elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64) {
    refuse('program-malformed', path, `unknown ELF class ${elfClass}`);
  }
  const byteOrder = reader.u8(EI_DATA);
  if (byteOrder !== ELFDATA2LSB && byteOrder !== ELFDATA2MSB) {
    refuse('program-malformed', path, `unknown ELF byte order ${byteOrder}`);
  }
  const bigEndian = byteOrder === ELFDATA2MSB;
  const machine = bigEndian ? reader.u8(18) * 256 + reader.u8(19) : reader.u16(18);
  if (machine === EM_X86_64 && elfClass === ELFCLASS64 && !bigEndian) return;
  const bits = elfClass === ELFCLASS64 ? '64-bit' : '32-bit';
  const kind = `${bits} ${bigEndian ? 'big-endian ' : ''}${machineName(machine)}`;
  refuse('program-machine', path, `a ${kind} file; only 64-bit x86-64 programs run here`);
}

function readType(path: string, reader: ByteReader, relocatable: boolean): ElfHeader['type'] {
  const type = reader.u16(16);
  switch (type) {
    case ET_EXEC:
    case ET_DYN:
      return type;
    case ET_REL:
      if (relocatable) return type;
      refuse('program-type', path, 'a relocatable object, not linked yet; not an executable');
      break;
    case ET_CORE:
      refuse('program-type', path, 'a core dump, not an executable');
      break;
    default:
      refuse('program-type', path, `not an executable (ELF type ${type})`);
  }
}
