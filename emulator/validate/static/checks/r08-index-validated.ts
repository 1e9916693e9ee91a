import { Mnemonic, type Register } from 'iced-x86';
import { readsId } from '../arming.ts';
import type { CheckedProgram } from '../checked-program.ts';
import type { CriticalSection } from '../critical-section.ts';
import { type Effect, effectsOf } from '../effects.ts';
import { followRegister, handlerOf } from '../handler.ts';
import { type IdLoad, type IndexOrigins, indexOrigins } from '../index-origins.ts';
import { addressRegisters, type Instruction, type MemoryUse } from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import type { Problem, StaticCheck } from './check.ts';

export const checkR8: StaticCheck = function* (section, program) {
  const { code } = section;
  const arming = program.arming(section);
  if (code === undefined || arming.kind !== 'found') return;
  const { commits, early } = effectsOf(section, program);
  const aware = awareness(code, (each) => readsId(arming.place, each));
  const unaware = reachedWithout(aware.learns, code);
  const isBlind = ({ instruction, place }: Effect) =>
    unaware.has(instruction) && !addressRegisters(place).some((each) => aware.known.has(each));
  if (commits.some(isBlind)) {
    const message = 'neither compares the CPU number (or mm_cid) nor derives its address from it';
    yield { address: section.start, message };
    return;
  }
  for (const { instruction, place } of early.filter(isBlind)) {
    if (!commits.some((commit) => sharesBase(place, commit.place))) continue;
    const message = 'stores before the CPU number (or mm_cid) is compared';
    yield { address: instruction.address, message };
  }
  yield* otherIndexProblems(section, program);
};

const COMPARISONS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Cmp,
  Mnemonic.Test,
  Mnemonic.Bt,
  Mnemonic.Btr,
  Mnemonic.Sub,
  Mnemonic.Xor,
]);

/**
 * The registers that hold something of an id read inside, wherever, and the instructions that make use
 * of one: a comparison, or an address. An id that is only data tells the section nothing.
 */
function awareness(code: SectionCode, isRead: (instruction: Instruction) => boolean) {
  const known = new Set<Register>();
  for (let size = -1; size !== known.size; ) {
    size = known.size;
    for (const each of code.reached) {
      if (!isRead(each) && !each.reads.some((register) => known.has(register))) continue;
      for (const register of each.writes) known.add(register);
    }
  }
  const learns = (each: Instruction) =>
    (COMPARISONS.has(each.mnemonic) &&
      (isRead(each) || each.reads.some((register) => known.has(register)))) ||
    each.memory.some((use) => addressRegisters(use).some((register) => known.has(register)));
  return { known, learns };
}

/** What can run before any instruction that `isPassed` accepts has run. */
function reachedWithout(
  isPassed: (instruction: Instruction) => boolean,
  code: SectionCode,
): ReadonlySet<Instruction> {
  const first = code.at(code.start);
  const seen = new Set<Instruction>();
  const pending = first === undefined ? [] : [first];
  for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
    if (seen.has(each) || isPassed(each)) continue;
    seen.add(each);
    pending.push(...code.after(each));
  }
  return seen;
}

/** Whether two operands belong to one object, as far as their registers tell. */
function sharesBase(a: MemoryUse, b: MemoryUse): boolean {
  return a.base === b.base && addressRegisters(a).length > 0;
}

/** The index that is compared has to be the one that the address was made of, on retries too. */
function* otherIndexProblems(section: CriticalSection, program: CheckedProgram): Iterable<Problem> {
  const origins = indexOrigins(section, program);
  if (origins === undefined || origins.comparisons.length === 0) return;
  for (const effect of effectsOf(section, program).all) {
    const other = otherIndex(section, origins, effect);
    if (other !== undefined) {
      yield other;
      return;
    }
    if (!keepsAddress(section, program, origins, effect)) continue;
    const message = 'the retry compares the CPU number anew, but keeps the address made of the old';
    yield { address: effect.instruction.address, message };
    return;
  }
}

/** The loads before the section that the address of a store is made of. */
function outsideLoads({ start, end }: CriticalSection, { before }: IndexOrigins, effect: Effect) {
  const registers = before.get(effect.instruction);
  return addressRegisters(effect.place).flatMap((register) =>
    [...(registers?.get(register) ?? [])]
      .filter(({ instruction: { address } }) => address < start || address >= end)
      .map((load) => ({ register, load })),
  );
}

function otherIndex(
  section: CriticalSection,
  origins: IndexOrigins,
  effect: Effect,
): Problem | undefined {
  const { comparisons, compared } = origins;
  // A comparison with a register from elsewhere may be all that is needed.
  if (comparisons.some(({ loads }) => loads.size === 0)) return undefined;
  const isEqual = (a: IdLoad, b: IdLoad) =>
    a === b || compared.some((pair) => pair.includes(a) && pair.includes(b));
  for (const { load } of outsideLoads(section, origins, effect)) {
    const isChecked = comparisons.some(
      ({ kind, loads }) => kind === load.kind && [...loads].some((each) => isEqual(each, load)),
    );
    if (isChecked) continue;
    const [comparison] = comparisons;
    const [checked] = comparison?.loads ?? [];
    if (comparison === undefined || checked === undefined) continue;
    if (comparison.kind !== load.kind) {
      const field = comparison.kind === 'cpu' ? 'cpu_id' : 'mm_cid';
      const message = `compares ${field}, but the address is made of another id`;
      return { address: comparison.instruction.address, message };
    }
    const message = 'another reading of the CPU number than the one the address is made of';
    return { address: checked.instruction.address, message };
  }
  return undefined;
}

function keepsAddress(
  section: CriticalSection,
  program: CheckedProgram,
  origins: IndexOrigins,
  effect: Effect,
): boolean {
  const { retries, reached, after } = handlerOf(section, program);
  const [entry] = reached;
  if (entry?.address !== section.abort || retries.length === 0) return false;
  const comesBack = (register: Register) => {
    const { kept } = followRegister(register, entry, after);
    return retries.some(({ from }) => kept.has(from) && !from.kills.includes(register));
  };
  const isInput = (register: Register) =>
    section.code?.reached.every(
      ({ address, writes }) => address >= effect.instruction.address || !writes.includes(register),
    ) === true;
  const loads = outsideLoads(section, origins, effect);
  return (
    loads.some(({ register }) => isInput(register) && comesBack(register)) &&
    origins.comparisons.every(({ register }) => !comesBack(register))
  );
}
