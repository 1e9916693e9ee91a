import { Decoder, DecoderOptions, InstructionInfoFactory, Register } from 'iced-x86';

/**
 * Whether all memory that the instruction in `code` accesses is addressed through the stack segment,
 * as with push, pop, or a base of rsp or rbp. Where an address is not canonical, that makes the
 * difference between a stack fault and general protection.
 */
export function addressesStack(code: Uint8Array): boolean {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const instruction = decoder.decode();
  const factory = new InstructionInfoFactory();
  const info = factory.info(instruction);
  const segments = info.usedMemory().map((memory) => {
    const { segment } = memory;
    memory.free();
    return segment;
  });
  info.free();
  factory.free();
  instruction.free();
  decoder.free();
  return segments.length > 0 && segments.every((segment) => segment === Register.SS);
}
