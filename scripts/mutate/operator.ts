import type { Section, Subject } from './subject.ts';

/** Bytes to be written over a guest, at an address. */
export interface Patch {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** One way to break a guest. */
export interface Edit {
  /** What the mistake is about: the instruction or the descriptor. */
  readonly address: number;
  readonly description: string;
  readonly patches: readonly Patch[];
}

/**
 * A mistake that people make, made on purpose in every place of a section that has room for it. Edits
 * differ from the guest in at least one byte, stay within its code and its descriptors, and keep its
 * length; those of one section are all different.
 */
export interface Operator {
  readonly description: string;
  edits(section: Section, subject: Subject): readonly Edit[];
}

const NOP = 0x90;

/** As many nops as there were bytes. */
export function nops(address: number, length: number): Patch {
  return { address, bytes: new Uint8Array(length).fill(NOP) };
}

/** A little-endian word of 64 bits. */
export function word(address: number, content: number): Patch {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(content), true);
  return { address, bytes };
}
