import { Register, RegisterExt } from 'iced-x86';
import type { Instruction } from './instruction.ts';
import type { SectionCode } from './section-code.ts';

/**
 * The general registers that a section changes where it can still be aborted, each with the first
 * instruction that does. What the last instruction changes is changed at the end only.
 */
export function changesOf(code: SectionCode): ReadonlyMap<Register, Instruction> {
  const changes = new Map<Register, Instruction>();
  for (const instruction of code.reached) {
    if (instruction.next === code.end) continue;
    for (const register of instruction.writes) {
      const counts = RegisterExt.isGPR64(register) && register !== Register.RSP;
      if (counts && !changes.has(register)) changes.set(register, instruction);
    }
  }
  return changes;
}

/** `rax`, as disassemblers print it. */
export function registerName(register: Register): string {
  return (Register[register] ?? 'a register').toLowerCase();
}
