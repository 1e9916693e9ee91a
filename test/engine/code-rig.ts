import { Decoder, DecoderOptions } from 'iced-x86';
import type { GeneralRegister } from '../../kernel-model/hardware/registers.ts';
import { CODE, Rig } from './rig.ts';
import { unicornSubject } from './subjects.ts';

/** Machine code and its text, which `machineCode` checks: `['48 89 03', 'mov [rbx],rax']`. */
export type CodeLine = readonly [hex: string, text: string];

/** The bytes of some instructions; throws where a text is not that of its bytes. */
function machineCode(lines: readonly CodeLine[], base = CODE): readonly Uint8Array[] {
  let address = base;
  return lines.map(([hex, text]) => {
    const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    const found = textOf(bytes, address);
    if (found !== text) throw new Error(`${hex} at 0x${address.toString(16)} is ${found}`);
    address += bytes.length;
    return bytes;
  });
}

function textOf(bytes: Uint8Array, address: number): string {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = BigInt(address);
  const instruction = decoder.decode();
  const isWhole = instruction.length === bytes.length;
  const text = isWhole ? instruction.toString() : `of ${instruction.length} bytes`;
  instruction.free();
  decoder.free();
  return text;
}

/** Unicorn with machine code. */
export class CodeRig extends Rig {
  constructor(libraryPath: string, options: { readonly logReads?: boolean } = {}) {
    super(unicornSubject(libraryPath, process.arch === 'x64' ? 'native' : 'portable'), options);
  }

  /** Puts code at an offset of the code pages, and the CPU at its start; gives the addresses. */
  code(lines: readonly CodeLine[], offset = 0): readonly number[] {
    let address = CODE + offset;
    const addresses = machineCode(lines, address).map((bytes) => {
      const at = address;
      this.ram.set(bytes, at - CODE);
      address += bytes.length;
      return at;
    });
    this.engine.codeChanged(offset);
    this.cpu.instructionPointer = CODE + offset;
    return addresses;
  }

  set(registers: Readonly<Partial<Record<GeneralRegister, number | bigint>>>): void {
    for (const [name, value] of Object.entries(registers)) {
      this.cpu.write(name as GeneralRegister, BigInt(value));
    }
  }
}
