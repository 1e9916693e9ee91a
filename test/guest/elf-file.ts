import { readFile } from 'node:fs/promises';

/** A loadable segment (Elf64_Phdr). Addresses are small enough for a number. */
export interface ElfSegment {
  readonly address: number;
  readonly memoryBytes: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** A section that is part of the image (SHF_ALLOC); `content` is zeros for .bss. */
export interface ElfSection {
  readonly name: string;
  readonly address: number;
  readonly content: Buffer;
  readonly occupiesFile: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** What the tests look at in a compiled guest. */
export interface ElfFile {
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  readonly symbols: ReadonlyMap<string, number>;
}

const loadable = 1;
const noBits = 8;

/** Reads a little-endian ELF64 file; apart from the loader of the emulator, so as to judge it. */
export async function readElf(path: string): Promise<ElfFile> {
  const file = await readFile(path);
  return {
    entry: word(file, 24),
    segments: readSegments(file),
    sections: readSections(file),
    symbols: readSymbols(file),
  };
}

function readSegments(file: Buffer): readonly ElfSegment[] {
  return records(file, word(file, 32), file.readUInt16LE(54), file.readUInt16LE(56))
    .filter((header) => header.readUInt32LE(0) === loadable)
    .map((header) => ({
      address: word(header, 16),
      memoryBytes: word(header, 40),
      writable: (header.readUInt32LE(4) & 2) !== 0,
      executable: (header.readUInt32LE(4) & 1) !== 0,
    }));
}

function sectionHeaders(file: Buffer): readonly Buffer[] {
  return records(file, word(file, 40), file.readUInt16LE(58), file.readUInt16LE(60));
}

function readSections(file: Buffer): readonly ElfSection[] {
  const headers = sectionHeaders(file);
  const names = contentOf(file, headers[file.readUInt16LE(62)]);
  return headers
    .filter((header) => (word(header, 8) & 2) !== 0)
    .map((header) => ({
      name: textAt(names, header.readUInt32LE(0)),
      address: word(header, 16),
      content: contentOf(file, header),
      occupiesFile: header.readUInt32LE(4) !== noBits,
      writable: (word(header, 8) & 1) !== 0,
      executable: (word(header, 8) & 4) !== 0,
    }));
}

function readSymbols(file: Buffer): ReadonlyMap<string, number> {
  const headers = sectionHeaders(file);
  const table = headers.find((header) => header.readUInt32LE(4) === 2);
  if (table === undefined) {
    return new Map();
  }
  const names = contentOf(file, headers[table.readUInt32LE(40)]);
  const content = contentOf(file, table);
  return new Map(
    records(content, 0, 24, content.length / 24).map((symbol) => [
      textAt(names, symbol.readUInt32LE(0)),
      word(symbol, 8),
    ]),
  );
}

function records(file: Buffer, offset: number, size: number, count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, index) =>
    file.subarray(offset + index * size, offset + (index + 1) * size),
  );
}

function contentOf(file: Buffer, header: Buffer | undefined): Buffer {
  if (header === undefined) {
    throw new Error('a section header is missing');
  }
  const size = word(header, 32);
  const offset = word(header, 24);
  return header.readUInt32LE(4) === noBits
    ? Buffer.alloc(size)
    : file.subarray(offset, offset + size);
}

function textAt(names: Buffer, offset: number): string {
  return names.toString('latin1', offset, names.indexOf(0, offset));
}

function word(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}
