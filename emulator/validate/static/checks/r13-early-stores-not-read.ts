import { effectsOf } from '../effects.ts';
import { addressRegisters, type Instruction, isSamePlace, type MemoryUse } from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import type { StaticCheck } from './check.ts';

export const checkR13: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const { early, commits } = effectsOf(section, program);
  for (const { instruction, place } of early) {
    // What the commit stores to as well is told by the rule about early stores.
    if (commits.some((commit) => isSamePlace(commit.place, place))) continue;
    if (early.some((each) => rewrites(each.instruction, each.place, place, instruction))) continue;
    const reader = code.reached.find((each) => readsBefore(code, each, instruction, place));
    if (reader === undefined) continue;
    const message = 'changes what the section reads: after an abort the retry reads it changed';
    yield { address: instruction.address, message };
  }
};

/** Whether the place has got a value of its own before. */
function rewrites(
  instruction: Instruction,
  stored: MemoryUse,
  place: MemoryUse,
  before: Instruction,
): boolean {
  return instruction.address < before.address && isSamePlace(stored, place) && !stored.reads;
}

function readsBefore(
  code: SectionCode,
  reader: Instruction,
  store: Instruction,
  place: MemoryUse,
): boolean {
  return (
    reader.address <= store.address &&
    reader.memory.some((use) => use.reads && isSamePlace(use, place)) &&
    (reader === store || code.reachableFrom(reader).has(store)) &&
    code.keeps(addressRegisters(place), reader, store)
  );
}
