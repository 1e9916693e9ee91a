import { type Instruction, MemorySizeExt, Mnemonic, OpKind, Register } from 'iced-x86';
import { assert } from '../../../kernel-model/assert.ts';
import {
  GENERAL_REGISTERS,
  type GeneralRegister,
} from '../../../kernel-model/hardware/registers.ts';
import type { MemoryOperand, ModelInstruction, ModelMnemonic, Operand } from './instruction.ts';

const MNEMONICS: ReadonlyMap<Mnemonic, ModelMnemonic> = new Map<Mnemonic, ModelMnemonic>([
  [Mnemonic.Cpuid, 'cpuid'],
  [Mnemonic.Rdtsc, 'rdtsc'],
  [Mnemonic.Rdtscp, 'rdtscp'],
  [Mnemonic.Rdpid, 'rdpid'],
  [Mnemonic.Xgetbv, 'xgetbv'],
  [Mnemonic.Popcnt, 'popcnt'],
  [Mnemonic.Movbe, 'movbe'],
  [Mnemonic.Popfq, 'popf'],
  [Mnemonic.Rdfsbase, 'rdfsbase'],
  [Mnemonic.Rdgsbase, 'rdgsbase'],
  [Mnemonic.Wrfsbase, 'wrfsbase'],
  [Mnemonic.Wrgsbase, 'wrgsbase'],
  [Mnemonic.Mov, 'mov-from-segment'],
]);

/** Selectors as a 64-bit Linux process reads them. */
const SELECTORS: ReadonlyMap<Register, number> = new Map([
  [Register.CS, 0x33],
  [Register.SS, 0x2b],
]);

/** The parts of a decoded instruction that the machine needs to execute it. */
export function toModelInstruction(instruction: Instruction): ModelInstruction {
  const mnemonic = MNEMONICS.get(instruction.mnemonic);
  assert(mnemonic !== undefined, `${instruction.toString()} is executed by the machine`);
  const operands: Operand[] = [];
  let selector = 0;
  for (let i = 0; i < instruction.opCount; i++) {
    const kind = instruction.opKind(i);
    if (kind === OpKind.Memory) operands.push(toMemoryOperand(instruction));
    else if (kind === OpKind.Register) {
      const register = instruction.opRegister(i);
      const general = toGeneralRegister(register);
      if (general === undefined) selector = SELECTORS.get(register) ?? 0;
      else operands.push({ kind: 'register', ...general });
    }
  }
  return {
    address: Number(instruction.ip),
    lengthBytes: instruction.length,
    mnemonic,
    operands,
    selector,
  };
}

/** The memory operand of an instruction that has one. */
export function toMemoryOperand(instruction: Instruction): MemoryOperand {
  const segment = instruction.memorySegment;
  const isIpRelative = instruction.isIpRelMemoryOperand;
  const base = isIpRelative ? undefined : toGeneralRegister(instruction.memoryBase);
  const index = toGeneralRegister(instruction.memoryIndex);
  const is32Bit = base?.sizeBytes === 4 || index?.sizeBytes === 4;
  return {
    kind: 'memory',
    base: base?.register,
    index: index?.register,
    scale: instruction.memoryIndexScale,
    displacement: isIpRelative ? instruction.ipRelMemoryAddress : instruction.memoryDisplacement,
    segment: segment === Register.FS ? 'fs_base' : segment === Register.GS ? 'gs_base' : undefined,
    addressBytes: is32Bit ? 4 : 8,
    sizeBytes: MemorySizeExt.size(instruction.memorySize),
  };
}

/** The general register behind a name of any width but the 8-bit ones. */
export function toGeneralRegister(
  register: Register,
): { readonly register: GeneralRegister; readonly sizeBytes: number } | undefined {
  for (const [first, sizeBytes] of [
    [Register.RAX, 8],
    [Register.EAX, 4],
    [Register.AX, 2],
  ] as const) {
    const name = GENERAL_REGISTERS[register - first];
    if (register >= first && name !== undefined) return { register: name, sizeBytes };
  }
  return undefined;
}
