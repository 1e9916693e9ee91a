/** A section of a built file; `content` is where `offset` says, or appended if there is no offset. */
export interface SectionSpec {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address?: number;
  readonly offset?: number;
  readonly size?: number;
  readonly content?: Uint8Array;
  readonly link?: string;
}

export interface SegmentSpec {
  readonly type: number;
  readonly flags: number;
  readonly offset?: number;
  readonly address?: number;
  readonly fileSize?: number;
  readonly memorySize?: number;
  readonly alignment?: number;
}

export interface SymbolSpec {
  readonly name: string;
  readonly address: number;
  readonly size?: number;
  /** STT_*. */
  readonly type?: number;
  /** STB_*. */
  readonly binding?: number;
  /** A section's name, or a raw st_shndx. */
  readonly section: string | number;
}

export interface ElfSpec {
  readonly type: number;
  readonly entry: number;
  readonly segments: readonly SegmentSpec[];
  readonly sections: readonly SectionSpec[];
  readonly symbols: readonly SymbolSpec[];
  /** Bytes at file offsets, the ELF header and program headers apart. */
  readonly contents: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

/** Where field `at` of program header `index` is in a built file. */
export function programHeaderField(index: number, at: number): number {
  return HEADER_BYTES + index * PROGRAM_HEADER_BYTES + at;
}

/** A copy with little-endian values put in. */
export function patched(
  bytes: Uint8Array,
  ...patches: readonly {
    readonly at: number;
    readonly width: 1 | 2 | 4 | 8;
    readonly value: bigint;
  }[]
): Uint8Array {
  const copy = bytes.slice();
  for (const { at, width, value } of patches) {
    for (let i = 0; i < width; i++) copy[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return copy;
}

/** Little-endian 64-bit words. */
export function words(...values: readonly (number | bigint)[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => {
    bytes.writeBigUInt64LE(BigInt(value), index * 8);
  });
  return new Uint8Array(bytes);
}

/** The bytes of an ELF64 little-endian x86-64 file. */
export function buildElf(spec: ElfSpec): Uint8Array {
  const file = new GrowingFile();
  for (const { offset, bytes } of spec.contents) file.put(offset, bytes);
  const table = writeSections(file, spec);
  file.put(0, elfHeader(spec, table));
  spec.segments.forEach((segment, index) => {
    file.put(programHeaderField(index, 0), programHeader(segment));
  });
  return file.bytes();
}

class GrowingFile {
  #bytes = Buffer.alloc(0);

  get length(): number {
    return this.#bytes.length;
  }

  put(offset: number, part: Uint8Array): void {
    const missing = Math.max(0, offset + part.length - this.length);
    this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(missing)]);
    this.#bytes.set(part, offset);
  }

  append(part: Uint8Array): number {
    const offset = Math.ceil(this.length / 8) * 8;
    this.put(offset, part);
    return offset;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes);
  }
}

interface SectionTable {
  readonly offset: number;
  readonly count: number;
}

function writeSections(file: GrowingFile, spec: ElfSpec): SectionTable {
  const strings = new Strings();
  const names = new Strings();
  const own = spec.sections.map(({ name }) => name);
  const entries = spec.symbols.map((symbol) => symbolEntry(symbol, own, strings));
  const all: SectionSpec[] = [
    { name: '', type: 0, flags: 0, offset: 0 },
    ...spec.sections,
    {
      name: '.symtab',
      type: 2,
      flags: 0,
      link: '.strtab',
      content: Buffer.concat([Buffer.alloc(24), ...entries]),
    },
    { name: '.strtab', type: 3, flags: 0, content: strings.bytes() },
  ];
  const nameOffsets = all.map(({ name }) => names.add(name));
  const nameOfNames = names.add('.shstrtab');
  all.push({ name: '.shstrtab', type: 3, flags: 0, content: names.bytes() });
  nameOffsets.push(nameOfNames);
  const headers = all.map((section, index) => {
    const offset = section.offset ?? file.append(section.content ?? new Uint8Array(0));
    const header = Buffer.alloc(64);
    header.writeUInt32LE(nameOffsets[index] ?? 0, 0);
    header.writeUInt32LE(section.type, 4);
    header.writeBigUInt64LE(BigInt(section.flags), 8);
    header.writeBigUInt64LE(BigInt(section.address ?? 0), 16);
    header.writeBigUInt64LE(BigInt(offset), 24);
    header.writeBigUInt64LE(BigInt(section.size ?? section.content?.length ?? 0), 32);
    const link = all.findIndex(({ name }) => name === section.link);
    header.writeUInt32LE(Math.max(link, 0), 40);
    return header;
  });
  return { offset: file.append(Buffer.concat(headers)), count: all.length };
}

class Strings {
  #text = '\0';

  add(text: string): number {
    if (text === '') return 0;
    const offset = this.#text.length;
    this.#text += `${text}\0`;
    return offset;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text, 'latin1');
  }
}

function symbolEntry(symbol: SymbolSpec, sections: readonly string[], strings: Strings): Buffer {
  const { section } = symbol;
  const entry = Buffer.alloc(24);
  entry.writeUInt32LE(strings.add(symbol.name), 0);
  entry.writeUInt8((symbol.binding ?? 1) * 16 + (symbol.type ?? 2), 4);
  entry.writeUInt16LE(typeof section === 'number' ? section : sections.indexOf(section) + 1, 6);
  entry.writeBigUInt64LE(BigInt(symbol.address), 8);
  entry.writeBigUInt64LE(BigInt(symbol.size ?? 0), 16);
  return entry;
}

function elfHeader(spec: ElfSpec, table: SectionTable): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
  header.writeUInt16LE(spec.type, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(spec.entry), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeBigUInt64LE(BigInt(table.offset), 40);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(spec.segments.length, 56);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(table.count, 60);
  header.writeUInt16LE(table.count - 1, 62);
  return header;
}

function programHeader(segment: SegmentSpec): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_BYTES);
  header.writeUInt32LE(segment.type, 0);
  header.writeUInt32LE(segment.flags, 4);
  header.writeBigUInt64LE(BigInt(segment.offset ?? 0), 8);
  header.writeBigUInt64LE(BigInt(segment.address ?? 0), 16);
  header.writeBigUInt64LE(BigInt(segment.address ?? 0), 24);
  header.writeBigUInt64LE(BigInt(segment.fileSize ?? 0), 32);
  header.writeBigUInt64LE(BigInt(segment.memorySize ?? segment.fileSize ?? 0), 40);
  header.writeBigUInt64LE(BigInt(segment.alignment ?? 0x1000), 48);
  return header;
}
