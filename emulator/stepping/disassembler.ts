import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import type { SymbolTable } from '../loader/symbols.ts';

/** Prints instructions in AT&T syntax, as gdb and objdump do. */
export class Disassembler {
  readonly #symbols: SymbolTable;
  readonly #formatter = new Formatter(FormatterSyntax.Gas);

  constructor(symbols: SymbolTable) {
    this.#symbols = symbols;
    this.#formatter.hexPrefix = '0x';
    this.#formatter.uppercaseHex = false;
    this.#formatter.branchLeadingZeros = false;
  }

  /** The instruction at `address` with the name of its target; `code` are the bytes from there on. */
  format(address: number, code: Uint8Array | undefined): string {
    if (code === undefined || code.length === 0) return '(bad)';
    const decoder = new Decoder(64, code, DecoderOptions.None);
    decoder.ip = BigInt(address);
    const instruction = decoder.decode();
    const text = this.#formatter.format(instruction);
    const target = Number(instruction.nearBranchTarget);
    instruction.free();
    decoder.free();
    const hasName = target !== 0 && this.#symbols.lookup(target) !== undefined;
    return hasName ? `${text} <${this.#symbols.format(target)}>` : text;
  }
}
