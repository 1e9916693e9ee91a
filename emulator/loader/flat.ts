import { basename } from 'node:path';
import { guestAddress, pageAlign } from '../../kernel-model/hardware/address.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../kernel-model/mm/mapping.ts';
import type { ProgramImage } from './image.ts';
import { sha256 } from './sha256.ts';
import { SymbolTable } from './symbols.ts';

/** Where flat images are loaded: the address our linker script links for. */
const FLAT_BASE = 0x40_0000;

/**
 * A flat image: mapped readable, writable and executable at FLAT_BASE, entered at its first byte; the
 * rest of the last page is zero. It has no symbols of its own.
 * @param bytes the whole file, not empty; the image keeps a view of it.
 */
export function parseFlat(path: string, bytes: Uint8Array): ProgramImage {
  const memorySize = pageAlign(bytes.length);
  return {
    path,
    baseName: basename(path),
    format: 'flat',
    sha256: sha256(bytes),
    entry: guestAddress(FLAT_BASE),
    segments: [
      {
        address: guestAddress(FLAT_BASE),
        memorySize,
        bytes,
        protection: PROT_READ | PROT_WRITE | PROT_EXEC,
        name: 'image',
      },
    ],
    breakStart: guestAddress(FLAT_BASE + memorySize),
    symbols: new SymbolTable(),
    sections: [],
    loadBias: 0,
  };
}
