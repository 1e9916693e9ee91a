import { Decoder, DecoderError, DecoderOptions, InstructionInfoFactory, OpAccess } from 'iced-x86';

/** What one wants to know of an instruction that could not execute. */
export interface FaultingInstruction {
  /** It writes the memory it reads, so that hardware reports a fault on it as one of a write. */
  readonly isReadModifyWrite: boolean;
  /** What it adds to rsp in any case: -8 for call, 8 or more for ret. */
  readonly stackPointerIncrement: number;
}

const READ_WRITE: ReadonlySet<OpAccess> = new Set([OpAccess.ReadWrite, OpAccess.ReadCondWrite]);

/** Decodes the instruction that begins with `code`. */
export function decodeFaulting(code: Uint8Array): FaultingInstruction {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const instruction = decoder.decode();
  const factory = new InstructionInfoFactory();
  const info = factory.info(instruction);
  const accesses = info.usedMemory().map((memory) => {
    const { access } = memory;
    memory.free();
    return access;
  });
  const result = {
    isReadModifyWrite: accesses.some((access) => READ_WRITE.has(access)),
    stackPointerIncrement: instruction.stackPointerIncrement,
  };
  info.free();
  factory.free();
  instruction.free();
  decoder.free();
  return result;
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
