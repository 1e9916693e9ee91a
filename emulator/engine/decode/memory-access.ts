import { Decoder, DecoderOptions, InstructionInfoFactory, OpAccess, OpKind } from 'iced-x86';
import { toMemoryOperand } from './convert.ts';
import type { MemoryOperand } from './instruction.ts';

/** The memory that an instruction accesses by an operand of its own: not the stack of push and call. */
export interface MemoryAccess {
  readonly operand: MemoryOperand;
  readonly writes: boolean;
}

/** Accesses that a compiler means: of string instructions, whose addresses are implied, none. */
export function decodeMemoryAccess(code: Uint8Array, ip: number): MemoryAccess | undefined {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt(ip);
  const instruction = decoder.decode();
  const factory = new InstructionInfoFactory();
  const info = factory.info(instruction);
  let access: MemoryAccess | undefined;
  for (let i = 0; i < instruction.opCount; i++) {
    if (instruction.opKind(i) !== OpKind.Memory) continue;
    const kind = info.opAccess(i);
    if (kind === OpAccess.None || kind === OpAccess.NoMemAccess) continue;
    access = { operand: toMemoryOperand(instruction), writes: !READS.has(kind) };
  }
  info.free();
  factory.free();
  instruction.free();
  decoder.free();
  return access;
}

const READS: ReadonlySet<OpAccess> = new Set([OpAccess.Read, OpAccess.CondRead]);
