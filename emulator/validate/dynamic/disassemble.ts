import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';

/** One instruction in AT&T syntax, without operands in hexadecimal capitals: `mov %rax,(%rdx)`. */
export function disassemble(code: Uint8Array, address: number): string {
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const formatter = new Formatter(FormatterSyntax.Gas);
  formatter.hexPrefix = '0x';
  formatter.uppercaseHex = false;
  formatter.branchLeadingZeros = false;
  const text = formatter.format(instruction);
  formatter.free();
  instruction.free();
  decoder.free();
  return text;
}
