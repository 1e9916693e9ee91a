import {
  Decoder,
  DecoderError,
  DecoderOptions,
  type Instruction,
  InstructionInfoFactory,
  Mnemonic,
  OpAccess,
  OpKind,
} from 'iced-x86';
import { toMemoryOperand } from './convert.ts';
import type { MemoryOperand } from './instruction.ts';

/** What one wants to know of an instruction that could not execute. */
export interface FaultingInstruction {
  readonly text: string;
  /** Its explicit memory operand, if that is read, and nothing around it. */
  readonly loaded: MemoryOperand | undefined;
  /** It writes the memory it reads, so that hardware reports a fault on it as one of a write. */
  readonly isReadModifyWrite: boolean;
  /** What it adds to rsp in any case: -8 for call, 8 or more for ret. */
  readonly stackPointerIncrement: number;
}

const READ_WRITE: ReadonlySet<OpAccess> = new Set([OpAccess.ReadWrite, OpAccess.ReadCondWrite]);

/** Their operand is but the start of a string of bits. */
const BIT_STRINGS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Bt,
  Mnemonic.Btc,
  Mnemonic.Btr,
  Mnemonic.Bts,
]);

/** Decodes the instruction at `address`, which begins with `code`. */
export function decodeFaulting(code: Uint8Array, address: number): FaultingInstruction {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const factory = new InstructionInfoFactory();
  const info = factory.info(instruction);
  const accesses = info.usedMemory().map((memory) => {
    const { access } = memory;
    memory.free();
    return access;
  });
  const result = {
    text: instruction.toString(),
    loaded: loadedOperand(instruction),
    isReadModifyWrite: accesses.some((access) => READ_WRITE.has(access)),
    stackPointerIncrement: instruction.stackPointerIncrement,
  };
  info.free();
  factory.free();
  instruction.free();
  decoder.free();
  return result;
}

function loadedOperand(instruction: Instruction): MemoryOperand | undefined {
  if (BIT_STRINGS.has(instruction.mnemonic)) return undefined;
  const isWritten = instruction.op0Kind === OpKind.Memory && instruction.opCount > 1;
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) !== OpKind.Memory || isWritten) continue;
    return toMemoryOperand(instruction);
  }
  return undefined;
}

/** The address of the first instruction that `code`, which begins at `address`, does not hold whole. */
export function endOfFetchable(code: Uint8Array, address: number): number {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  let end = address;
  while (decoder.canDecode) {
    const instruction = decoder.decode();
    const { length } = instruction;
    instruction.free();
    if (decoder.lastError === DecoderError.NoMoreBytes) break;
    end += length;
  }
  decoder.free();
  return end;
}
