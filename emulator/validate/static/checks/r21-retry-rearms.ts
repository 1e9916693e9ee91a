import { Mnemonic, type Register, RflagsBits } from 'iced-x86';
import { changesOf, registerName } from '../changes.ts';
import type { CheckedProgram } from '../checked-program.ts';
import type { CriticalSection } from '../critical-section.ts';
import { followRegister, handlerOf } from '../handler.ts';
import type { Instruction } from '../instruction.ts';
import { addressRegisters } from '../instruction.ts';
import type { Problem, StaticCheck } from './check.ts';

export const checkR21: StaticCheck = function* (section, program) {
  const { code, abort } = section;
  const first = code?.at(section.start);
  if (code === undefined || first === undefined) return;
  const { retries, reached, after } = handlerOf(section, program);
  const [entry] = reached;
  if (entry?.address !== abort) return;
  // A section that nothing arms is the matter of another rule, and rfc-2017 arms inside.
  const isArmed = program.family !== 'rfc-2017' && program.arming(section).kind === 'found';
  for (const { from, arms } of retries) {
    if (arms || !isArmed) continue;
    const message = 'tries again at start_ip, past the store that arms';
    yield { address: from.address, message };
  }
  for (const [register, writer] of changesOf(code)) {
    const { kept } = followRegister(register, entry, after);
    const isInput = followRegister(register, first, (each) => code.after(each)).readers.length > 0;
    const comesBack = retries.some(({ from }) => kept.has(from) && !from.kills.includes(register));
    if (!comesBack || !isInput) continue;
    const message = `changes ${registerName(register)}, which the retry needs as it was`;
    yield { address: writer.address, message };
  }
  yield* scratchProblems(section, program);
  yield* flagProblems(reached, after);
};

/** An explicit value of the carry flag that the next instructions overwrite before anybody reads it. */
function* flagProblems(
  reached: readonly Instruction[],
  after: (instruction: Instruction) => readonly Instruction[],
): Iterable<Problem> {
  for (const setter of reached) {
    if (setter.mnemonic !== Mnemonic.Stc && setter.mnemonic !== Mnemonic.Clc) continue;
    const [next] = after(setter);
    if (next === undefined || (next.flagsRead & RflagsBits.CF) !== 0) continue;
    if ((next.flagsChanged & RflagsBits.CF) === 0) continue;
    yield { address: next.address, message: 'changes the carry flag that was set for the caller' };
  }
}

/**
 * A register that the handler takes for a pointer of its own, while the section takes it for data: what
 * comes back is not what the section is to work with.
 */
function* scratchProblems(section: CriticalSection, program: CheckedProgram): Iterable<Problem> {
  const { code } = section;
  const first = code?.at(section.start);
  if (code === undefined || first === undefined) return;
  const { retries, reached, after } = handlerOf(section, program);
  for (const maker of reached) {
    const [register] = maker.kills;
    const [next] = after(maker);
    if (register === undefined || maker.loadedAddress === undefined || next === undefined) continue;
    const { readers, kept } = followRegister(register, next, after);
    const isPointer = readers.some((each) => usesAsAddress(each, register));
    const comesBack = retries.some(({ from }) => kept.has(from) && !from.kills.includes(register));
    const inside = followRegister(register, first, (each) => code.after(each)).readers;
    const isData = inside.length > 0 && !inside.some((each) => usesAsAddress(each, register));
    if (!isPointer || !comesBack || !isData) continue;
    const message = `changes ${registerName(register)}, which the retry needs as it was`;
    yield { address: maker.address, message };
  }
}

function usesAsAddress({ memory }: Instruction, register: Register): boolean {
  return memory.some((use) => addressRegisters(use).includes(register));
}
