import { type Instruction, OpKind, Register, RegisterExt } from 'iced-x86';
import { type Code, reencode, withInstruction } from '../code.ts';
import type { Edit, Operator } from '../operator.ts';
import type { Section } from '../subject.ts';

/** In a load or store, another register of the section in the place of the right one. */
export const WRONG_REGISTER: Operator = {
  description: 'another register in a load or store',
  edits: (section) => {
    const used = registersOf(section);
    return section.code.flatMap((code) => [
      ...replaced(code, used, 'address', (instruction) => instruction.memoryBase),
      ...replaced(code, used, 'data', dataRegister),
    ]);
  },
};

/** The numbers of the general registers that the section's loads and stores use. */
function registersOf({ code }: Section): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const { bytes, address } of code) {
    withInstruction(bytes, address, (instruction) => {
      for (const register of [instruction.memoryBase, dataRegister(instruction)]) {
        if (isGeneral(register)) numbers.add(RegisterExt.number(register));
      }
    });
  }
  return numbers;
}

function replaced(
  code: Code,
  used: ReadonlySet<number>,
  part: 'address' | 'data',
  read: (instruction: Instruction) => Register,
): Edit[] {
  const right = withInstruction(code.bytes, code.address, (instruction) =>
    accessesMemory(instruction) ? read(instruction) : Register.None,
  );
  if (right === undefined || !isGeneral(right)) return [];
  return [...used].flatMap((number): Edit[] => {
    if (number === RegisterExt.number(right)) return [];
    const wrong = right - RegisterExt.number(right) + number;
    const bytes = reencode(code, (instruction) => {
      if (part === 'address') instruction.memoryBase = wrong;
      else setDataRegister(instruction, wrong);
    });
    if (bytes === undefined) return [];
    const description = `${part} in ${Register[wrong]?.toLowerCase()}`;
    return [{ address: code.address, description, patches: [{ address: code.address, bytes }] }];
  });
}

function accessesMemory(instruction: Instruction): boolean {
  return instruction.op0Kind === OpKind.Memory || instruction.op1Kind === OpKind.Memory;
}

/** The register that a load fills or a store takes. */
function dataRegister(instruction: Instruction): Register {
  if (instruction.op0Kind === OpKind.Memory && instruction.op1Kind === OpKind.Register) {
    return instruction.op1Register;
  }
  if (instruction.op1Kind === OpKind.Memory && instruction.op0Kind === OpKind.Register) {
    return instruction.op0Register;
  }
  return Register.None;
}

function setDataRegister(instruction: Instruction, register: Register): void {
  if (instruction.op0Kind === OpKind.Memory) instruction.op1Register = register;
  else instruction.op0Register = register;
}

function isGeneral(register: Register): boolean {
  return (
    register !== Register.None && (RegisterExt.isGPR32(register) || RegisterExt.isGPR64(register))
  );
}
