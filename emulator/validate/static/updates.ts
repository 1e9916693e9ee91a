import type { Register } from 'iced-x86';
import { addressRegisters, type Instruction, isSamePlace, type MemoryUse } from './instruction.ts';
import type { SectionCode } from './section-code.ts';

/** The first instruction that reads a place which is stored to later, nothing stored there before. */
export function readerBefore(
  code: SectionCode,
  store: Instruction,
  place: MemoryUse,
): Instruction | undefined {
  return code.reached.find(
    (each) =>
      each.address <= store.address &&
      each.memory.some((use) => use.reads && isSamePlace(use, place)) &&
      (each === store || code.reachableFrom(each).has(store)) &&
      code.keeps(addressRegisters(place), each, store),
  );
}

/** Whether a store puts back something made of what the section has read there. */
export function isUpdate(code: SectionCode, store: Instruction, place: MemoryUse): boolean {
  const reader = readerBefore(code, store, place);
  if (reader === undefined || reader === store) return reader === store;
  const made = new Set<Register>(reader.writes);
  for (const each of code.reached) {
    if (each.address <= reader.address || each.address >= store.address) continue;
    const uses = each.reads.some((register) => made.has(register));
    for (const register of each.writes) {
      if (uses) made.add(register);
      else if (each.kills.includes(register)) made.delete(register);
    }
  }
  return store.source !== undefined && made.has(store.source);
}
