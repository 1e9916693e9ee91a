import { effectsOf } from '../effects.ts';
import { addressRegisters, type Instruction, isSamePlace, type MemoryUse } from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import type { StaticCheck } from './check.ts';

export const checkR13: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const told = new Set<Instruction>();
  for (const { instruction, place } of effectsOf(section, program).early) {
    const reader = readerAfter(code, instruction, place);
    if (reader === undefined || told.has(reader)) continue;
    told.add(reader);
    yield { address: reader.address, message: 'reads back what the section has stored before' };
  }
};

/** An instruction that reads, and does no more than read, a place behind the store to it. */
function readerAfter(
  code: SectionCode,
  store: Instruction,
  place: MemoryUse,
): Instruction | undefined {
  const later = code.reachableFrom(store);
  return code.reached.find(
    (each) =>
      each.address > store.address &&
      later.has(each) &&
      each.memory.some((use) => use.reads && !use.writes && isSamePlace(use, place)) &&
      code.keeps(addressRegisters(place), store, each),
  );
}
