import {
  formatAddress,
  type GuestAddress,
  guestAddress,
  TASK_SIZE,
} from '../../kernel-model/hardware/address.ts';
import { ByteReader } from './byte-reader.ts';
import {
  SHF_ALLOC,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_SYMTAB,
  STB_GLOBAL,
  STB_GNU_UNIQUE,
  STB_WEAK,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_NOTYPE,
  STT_OBJECT,
  SYMBOL_BYTES,
} from './elf-constants.ts';
import { type ElfSection, readString } from './elf-sections.ts';

/** The symbol an address belongs to. */
export interface SymbolMatch {
  readonly name: string;
  /** Of the address from the start of the symbol, in bytes. */
  readonly offset: number;
  /** Of the symbol in bytes; 0 where the assembler source gave none. */
  readonly size: number;
}

/** Where a symbol table is in its file. */
export interface SymbolSource {
  /** Elf64_Sym entries. */
  readonly entries: Uint8Array;
  readonly strings: Uint8Array;
  /** By index, as st_shndx counts. */
  readonly sections: readonly ElfSection[];
  readonly loadBias: number;
  /** Values count from the start of their section, as in files that are not linked. */
  readonly relocatable?: boolean;
}

/** The better a symbol names its address, the higher: type first, then binding. */
const TYPE_RANK: ReadonlyMap<number, number> = new Map([
  [STT_FUNC, 8],
  [STT_GNU_IFUNC, 8],
  [STT_OBJECT, 4],
  [STT_NOTYPE, 0],
]);
const BINDING_RANK: ReadonlyMap<number, number> = new Map([
  [STB_GLOBAL, 2],
  [STB_GNU_UNIQUE, 2],
  [STB_WEAK, 1],
]);

/** Symbols by ascending address, the best of those that share one last. */
interface Index {
  readonly count: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** Highest end up to and including each entry: bounds the search for an enclosing symbol. */
  readonly reach: Float64Array;
  /** Entries of the string table. */
  readonly names: Uint32Array;
}

interface SymbolEntry {
  readonly address: number;
  readonly size: number;
  readonly name: number;
  readonly rank: number;
  /** Lies inside the section it belongs to, unlike `_end` and the like. */
  readonly inside: boolean;
}

/**
 * The functions, objects and labels of a program (.symtab). Nothing is read before the first question,
 * which then costs one pass and one sort.
 */
export class SymbolTable {
  readonly #source: SymbolSource | undefined;
  #symbols: readonly SymbolEntry[] | undefined;
  #index: Index | undefined;
  #addresses: ReadonlyMap<string, number> | undefined;
  #loaded: readonly ElfSection[] | undefined;

  /** @param source left out for a program without symbols. */
  constructor(source?: SymbolSource) {
    this.#source = source;
  }

  /**
   * The innermost symbol whose extent holds the address, else the nearest one below it in the same
   * section. Of several at one place functions win over objects over labels, then global ones.
   */
  lookup(address: number): SymbolMatch | undefined {
    const index = this.#sorted();
    const last = lastAtOrBelow(index, address);
    for (let i = last; i >= 0 && (index.reach[i] ?? 0) > address; i--) {
      if ((index.ends[i] ?? 0) > address) return this.#match(index, i, address);
    }
    const section = this.#sectionAt(address);
    if (last < 0 || section === undefined || (index.starts[last] ?? 0) < section.address) {
      return undefined;
    }
    return this.#match(index, last, address);
  }

  /** The address of a symbol; of several of that name the best in the order of `lookup`. */
  find(name: string): GuestAddress | undefined {
    this.#addresses ??= this.#byName();
    const address = this.#addresses.get(name);
    return address === undefined ? undefined : guestAddress(address);
  }

  /** `name`, `name+0x1c`, or without a symbol `0x401000`. */
  format(address: number): string {
    const match = this.lookup(address);
    if (match === undefined) return formatAddress(address);
    return match.offset === 0 ? match.name : `${match.name}+${formatAddress(match.offset)}`;
  }

  #match(index: Index, i: number, address: number): SymbolMatch {
    const start = index.starts[i] ?? 0;
    return {
      name: readString(this.#source?.strings ?? new Uint8Array(0), index.names[i] ?? 0),
      offset: address - start,
      size: (index.ends[i] ?? 0) - start,
    };
  }

  #sectionAt(address: number): ElfSection | undefined {
    this.#loaded ??= (this.#source?.sections ?? []).filter(isLoaded);
    return this.#loaded.find((s) => address >= s.address && address < s.address + s.size);
  }

  #all(): readonly SymbolEntry[] {
    this.#symbols ??= this.#source === undefined ? [] : readSymbols(this.#source);
    return this.#symbols;
  }

  #sorted(): Index {
    this.#index ??= buildIndex(this.#all());
    return this.#index;
  }

  #byName(): ReadonlyMap<string, number> {
    const strings = this.#source?.strings ?? new Uint8Array(0);
    const best = new Map<string, SymbolEntry>();
    for (const symbol of this.#all()) {
      const name = readString(strings, symbol.name);
      const known = best.get(name);
      if (known === undefined || symbol.rank > known.rank) best.set(name, symbol);
    }
    return new Map([...best].map(([name, { address }]) => [name, address]));
  }
}

/** The symbol table among the sections, if there is one that can be read. */
export function findSymbolSource(
  sections: readonly ElfSection[],
  loadBias: number,
  relocatable = false,
): SymbolSource | undefined {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  if (table === undefined || table.bytes.length === 0) return undefined;
  const strings = sections[table.link]?.bytes;
  if (strings === undefined || strings.length === 0) return undefined;
  return { entries: table.bytes, strings, sections, loadBias, relocatable };
}

function readSymbols(source: SymbolSource): SymbolEntry[] {
  const reader = new ByteReader(source.entries);
  const symbols: SymbolEntry[] = [];
  for (let at = 0; at + SYMBOL_BYTES <= reader.length; at += SYMBOL_BYTES) {
    const info = reader.u8(at + 4);
    const typeRank = TYPE_RANK.get(info & 15);
    const sectionIndex = reader.u16(at + 6);
    if (typeRank === undefined || sectionIndex === SHN_UNDEF) continue;
    const section = sectionIndex < SHN_LORESERVE ? source.sections[sectionIndex] : undefined;
    const name = reader.u32(at);
    if (section === undefined || !isLoaded(section) || !isNamed(source.strings, name)) continue;
    const base = source.relocatable === true ? section.address : source.loadBias;
    const address = reader.u64(at + 8) + base;
    if (address < 0 || address >= TASK_SIZE) continue;
    const sectionEnd = section.address + section.size;
    const inside = address >= section.address && address < sectionEnd;
    // A size that leaves the section is damage; it must not swallow what follows.
    const size = Math.min(reader.u64(at + 16), inside ? sectionEnd - address : 0);
    const rank = typeRank + (BINDING_RANK.get(info >> 4) ?? 0);
    symbols.push({ address, size, name, rank, inside });
  }
  return symbols;
}

function isLoaded({ flags }: ElfSection): boolean {
  return (flags & SHF_ALLOC) !== 0;
}

const DOLLAR = 0x24;
const DOT = 0x2e;
const CAPITAL_L = 0x4c;

/** False for empty names, the assembler's `.L` labels and mapping symbols such as `$d` or `$x.1`. */
function isNamed(strings: Uint8Array, name: number): boolean {
  const first = strings[name] ?? 0;
  if (first === DOLLAR) {
    const third = strings[name + 2] ?? 0;
    return third !== 0 && third !== DOT;
  }
  return first !== 0 && !(first === DOT && strings[name + 1] === CAPITAL_L);
}

function buildIndex(all: readonly SymbolEntry[]): Index {
  const symbols = all.filter(({ inside }) => inside).reverse();
  symbols.sort(
    (a, b) => a.address - b.address || a.rank - b.rank || Math.sign(a.size) - Math.sign(b.size),
  );
  const count = symbols.length;
  const index: Index = {
    count,
    starts: new Float64Array(count),
    ends: new Float64Array(count),
    reach: new Float64Array(count),
    names: new Uint32Array(count),
  };
  let reach = 0;
  symbols.forEach(({ address, size, name }, i) => {
    reach = Math.max(reach, address + size);
    index.starts[i] = address;
    index.ends[i] = address + size;
    index.reach[i] = reach;
    index.names[i] = name;
  });
  return index;
}

function lastAtOrBelow({ starts, count }: Index, address: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
