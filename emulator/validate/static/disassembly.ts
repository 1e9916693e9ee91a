import { Decoder, DecoderOptions, Formatter, FormatterSyntax, type Instruction } from 'iced-x86';
import { RSEQ_SIGNATURE_BYTES } from '../../../kernel-model/abi/rseq.ts';
import type { ObjectImage } from '../../loader/object/object-image.ts';
import type { SymbolTable } from '../../loader/symbols.ts';
import type { CheckedProgram } from './checked-program.ts';
import { INSTRUCTION_BYTES_MAX } from './instruction.ts';

/** How disassembly is written. */
export const SYNTAXES = { att: FormatterSyntax.Gas, intel: FormatterSyntax.Intel } as const;

export type Syntax = keyof typeof SYNTAXES;

/** One line of disassembly. */
export interface DisassembledLine {
  readonly address: number;
  readonly text: string;
  /** It is the one that was asked for. */
  readonly marked: boolean;
}

const CONTEXT_INSTRUCTIONS = 3;

/**
 * The instructions around one, which has to lie in a section, right before it or in other code; nothing
 * for data. Targets of branches are named as by objdump.
 */
export function disassembleAround(
  program: CheckedProgram,
  address: number,
  syntax: Syntax,
): readonly DisassembledLine[] {
  if (!program.memory.isExecutable(address)) return [];
  const addresses = addressesAround(program, address);
  const formatter = new Formatter(SYNTAXES[syntax]);
  formatter.ripRelativeAddresses = true;
  formatter.uppercaseHex = false;
  formatter.branchLeadingZeros = false;
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.spaceAfterOperandSeparator = true;
  const lines = addresses.flatMap((each) => {
    const text = formatOne(program, formatter, each);
    return text === undefined ? [] : [{ address: each, text, marked: each === address }];
  });
  formatter.free();
  return lines;
}

function addressesAround(program: CheckedProgram, address: number): readonly number[] {
  const section = program.sections.find(
    ({ code, start }) => code?.at(address) !== undefined && start !== address,
  );
  const before =
    section?.code?.reached.filter((each) => each.address < address) ??
    program.runUp(address).instructions;
  const lead = section === undefined ? [] : program.runUp(section.start).instructions;
  const shown = [...lead.slice(-CONTEXT_INSTRUCTIONS), ...before].slice(-CONTEXT_INSTRUCTIONS);
  const after: number[] = [];
  for (let at = address; after.length <= CONTEXT_INSTRUCTIONS; ) {
    after.push(at);
    const length = lengthAt(program, at);
    if (length === 0) break;
    at += length;
  }
  return [...shown.map((each) => each.address), ...after];
}

function lengthAt({ memory }: CheckedProgram, address: number): number {
  const decoder = new Decoder(
    64,
    memory.codeAt(address, INSTRUCTION_BYTES_MAX),
    DecoderOptions.None,
  );
  const instruction = decoder.decode();
  const length = instruction.isInvalid ? 0 : instruction.length;
  instruction.free();
  decoder.free();
  return length;
}

function formatOne(
  { memory, image, sections }: CheckedProgram,
  formatter: Formatter,
  address: number,
): string | undefined {
  const isSignature = sections.some(({ abort }) => abort - RSEQ_SIGNATURE_BYTES === address);
  if (isSignature) return `.long ${hex(memory.u32(address) ?? 0)}`;
  const code = memory.codeAt(address, INSTRUCTION_BYTES_MAX);
  if (code.length === 0) return undefined;
  const decoder = new Decoder(64, code, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const text = instruction.isInvalid
    ? `.byte ${hex(code[0] ?? 0)}`
    : formatter.format(instruction) + comment(image, instruction);
  instruction.free();
  decoder.free();
  return text;
}

/** The place that an instruction names, by its symbol. */
function comment({ symbols }: ObjectImage, instruction: Instruction): string {
  if (instruction.isIpRelMemoryOperand) {
    const address = Number(instruction.ipRelMemoryAddress);
    return ` # ${hex(address)}${nameOf(symbols, address)}`;
  }
  const target = Number(instruction.nearBranchTarget);
  return target === 0 ? '' : nameOf(symbols, target);
}

function nameOf(symbols: SymbolTable, address: number): string {
  return symbols.lookup(address) === undefined ? '' : ` <${symbols.format(address)}>`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
