import { ByteReader } from '../byte-reader.ts';
import {
  R_X86_64_32,
  R_X86_64_32S,
  R_X86_64_64,
  R_X86_64_PC32,
  R_X86_64_PC64,
  R_X86_64_PLT32,
  R_X86_64_RELATIVE,
  R_X86_64_TPOFF32,
  RELA_BYTES,
} from '../elf-constants.ts';

/** What a relocation needs to know of a symbol. */
export type SymbolValue = (index: number) => number | undefined;

/** Elf64_Rela, its fields apart. */
interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: number;
  readonly addend: number;
}

/** Where relocated fields go: the bytes that hold an address, to be written to. */
export type WritableBytes = (address: number, length: number) => Uint8Array | undefined;

/**
 * Applies the relocations of one table whose places are `base` plus their offset. Kinds that only a
 * dynamic linker understands are passed over, as are fields outside of the image.
 */
export function applyRelocations(
  table: Uint8Array,
  base: number,
  symbolValue: SymbolValue,
  writable: WritableBytes,
): void {
  const reader = new ByteReader(table);
  for (let at = 0; at + RELA_BYTES <= reader.length; at += RELA_BYTES) {
    const relocation = {
      offset: reader.u64(at),
      type: reader.u32(at + 8),
      symbol: reader.u32(at + 12),
      addend: signed64(reader, at + 16),
    };
    applyOne(relocation, base + relocation.offset, symbolValue, writable);
  }
}

function applyOne(
  { type, symbol, addend }: Relocation,
  place: number,
  symbolValue: SymbolValue,
  writable: WritableBytes,
): void {
  const width = WIDTHS.get(type);
  if (width === undefined) return;
  const value = type === R_X86_64_RELATIVE ? 0 : symbolValue(symbol);
  const target = writable(place, width);
  if (value === undefined || target === undefined) return;
  const result = value + addend - (PC_RELATIVE.has(type) ? place : 0);
  const view = new DataView(target.buffer, target.byteOffset, width);
  if (width === 8) view.setBigInt64(0, BigInt(result), true);
  else view.setInt32(0, result, true);
}

const WIDTHS: ReadonlyMap<number, 4 | 8> = new Map([
  [R_X86_64_64, 8],
  [R_X86_64_PC64, 8],
  [R_X86_64_RELATIVE, 8],
  [R_X86_64_32, 4],
  [R_X86_64_32S, 4],
  [R_X86_64_PC32, 4],
  [R_X86_64_PLT32, 4],
  [R_X86_64_TPOFF32, 4],
]);

const PC_RELATIVE: ReadonlySet<number> = new Set([R_X86_64_PC32, R_X86_64_PLT32, R_X86_64_PC64]);

/** Rounded beyond 2^53, where no address of a sound file lies. */
function signed64(reader: ByteReader, at: number): number {
  const high = reader.u32(at + 4);
  return (high >= 0x8000_0000 ? high - 0x1_0000_0000 : high) * 0x1_0000_0000 + reader.u32(at);
}
