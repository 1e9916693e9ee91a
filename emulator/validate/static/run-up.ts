import type { ObjectImage } from '../../loader/object/object-image.ts';
import type { ObjectMemory } from '../../loader/object/object-memory.ts';
import { decodeRun, INSTRUCTION_BYTES_MAX, type Instruction } from './instruction.ts';

/** The instructions that lead up to an address by lying in front of it. */
export interface RunUp {
  /** The last one ends at the address; empty if it cannot be told. */
  readonly instructions: readonly Instruction[];
  /** Decoded from the start of a function, not from a guess. */
  readonly certain: boolean;
}

const FUNCTION_LIMIT_BYTES = 65_536;
const GUESS_BYTES = 128;
const SHOWN_INSTRUCTIONS_MAX = 20_000;

/**
 * Decodes what lies in front of an address. With symbols from the start of the function; without them
 * from a bit before, where x86 code falls into step after a few instructions.
 */
export function runUpTo(
  { symbols }: Pick<ObjectImage, 'symbols'>,
  memory: ObjectMemory,
  address: number,
): RunUp {
  const symbol = symbols.lookup(address - 1);
  if (symbol !== undefined && symbol.offset < FUNCTION_LIMIT_BYTES) {
    const instructions = decodeUpTo(memory, address - 1 - symbol.offset, address);
    if (instructions !== undefined) return { instructions, certain: true };
  }
  const segment = memory.segmentAt(address - 1);
  const low = Math.max(segment?.address ?? address, address - GUESS_BYTES);
  for (let skip = 0; skip < INSTRUCTION_BYTES_MAX && low + skip < address; skip++) {
    const instructions = decodeUpTo(memory, low + skip, address);
    if (instructions !== undefined) return { instructions, certain: false };
  }
  return { instructions: [], certain: false };
}

function decodeUpTo(
  memory: ObjectMemory,
  from: number,
  address: number,
): readonly Instruction[] | undefined {
  const code = memory.codeAt(from, address - from);
  if (code.length !== address - from) return undefined;
  const instructions = decodeRun(code, from, SHOWN_INSTRUCTIONS_MAX);
  return instructions.at(-1)?.next === address ? instructions : undefined;
}
