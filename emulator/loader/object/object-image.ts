import type { Section } from '../image.ts';
import type { SymbolTable } from '../symbols.ts';

/** How a file is made, as far as it matters to whoever reads its code. */
export type ObjectKind = 'executable' | 'shared-object' | 'relocatable' | 'flat';

/** A range of memory as the file fills it, relocations applied. */
export interface ObjectSegment {
  readonly address: number;
  /** In bytes; zeros follow what `bytes` holds. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
  readonly executable: boolean;
}

/**
 * A file to be read, not run: an executable, static or not, a shared object, one that is not linked yet,
 * or a flat image. Addresses are those in the file (load bias 0), as objdump prints them; the sections
 * of a file that is not linked are laid one behind the other.
 */
export interface ObjectImage {
  readonly path: string;
  readonly kind: ObjectKind;
  /** SHA-256 of the whole file in hexadecimal. */
  readonly sha256: string;
  /** By ascending address. */
  readonly segments: readonly ObjectSegment[];
  /** Empty if the file has none. */
  readonly sections: readonly Section[];
  readonly symbols: SymbolTable;
  /** What the user should know, one line each. */
  readonly warnings: readonly string[];
  /** The ELF file that debug information would be in. */
  readonly debugPath: string;
}

/** Addresses from here on stand for symbols of other files; nothing lies there. */
export const EXTERNAL_BASE = 0x6000_0000_0000;

/** Whether an address stands for a symbol of another file. */
export function isExternal(address: number): boolean {
  return address >= EXTERNAL_BASE && address < EXTERNAL_BASE + 2 ** 40;
}
