import { isArmingWord } from '../arming.ts';
import type { CheckedProgram } from '../checked-program.ts';
import { type Effect, effectsOf } from '../effects.ts';
import {
  addressRegisters,
  decodeRun,
  INSTRUCTION_BYTES_MAX,
  type Instruction,
  isSamePlace,
  isStack,
  type MemoryUse,
} from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import { isUpdate } from '../updates.ts';
import type { Problem, StaticCheck } from './check.ts';

export const checkR10: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const { commits, early } = effectsOf(section, program);
  const arming = program.arming(section);
  const isMere = (each: Instruction, place: MemoryUse) =>
    (each.flow === 'next' || each.flow === 'jump') &&
    each.memory.every(
      (use) =>
        (arming.kind === 'found' && isArmingWord(arming.place, use)) ||
        (!use.writes && isSamePlace(use, place)),
    );
  if (commits.length === 0) yield* commitBehindEnd(code, program);
  for (const { instruction, place } of early) {
    const next = secondCommit(code, instruction, place, commits);
    if (next === undefined) continue;
    const message = 'stores behind a change that is done: an abort in between repeats the change';
    yield { address: next.address, message };
  }
  const seen = new Set<Instruction>();
  for (const { instruction, place } of commits) {
    if (seen.has(instruction)) {
      yield { address: instruction.address, message: 'the commit stores to more than one place' };
      continue;
    }
    seen.add(instruction);
    const extra = firstAfterCommit(code, instruction, (each) => isMere(each, place));
    if (extra === undefined) continue;
    const message = 'comes after the store that commits, and can still be aborted';
    yield { address: extra.address, message };
  }
};

/**
 * The instruction behind a store that goes straight on to the end, with nothing on the way but work on
 * registers and what was just stored. Loads of anything else, branches and loops mean that the section
 * was still at work, so that the store need not be a commit.
 */
function firstAfterCommit(
  code: SectionCode,
  store: Instruction,
  isMere: (instruction: Instruction) => boolean,
): Instruction | undefined {
  const [first] = code.after(store);
  const seen = new Set<Instruction>();
  for (let each = store; !seen.has(each); ) {
    seen.add(each);
    const [next, ...others] = code.successors(each);
    if (next === undefined || others.length > 0) return undefined;
    if (next === code.end) return first;
    const instruction = code.at(next);
    if (instruction === undefined || !isMere(instruction)) return undefined;
    each = instruction;
  }
  return undefined;
}

/** A section that stores nothing, and right behind it a store to what it has read. */
function* commitBehindEnd(code: SectionCode, { memory }: CheckedProgram): Iterable<Problem> {
  const [store] = decodeRun(memory.codeAt(code.end, INSTRUCTION_BYTES_MAX), code.end, 1);
  const last = code.reached.at(-1);
  if (store === undefined || last?.next !== code.end) return;
  for (const place of store.memory) {
    if (!place.writes || isStack(place)) continue;
    const read = code.reached.find(
      (each) =>
        each.memory.some((use) => use.reads && isSamePlace(use, place)) &&
        code.keeps(addressRegisters(place), each, store),
    );
    if (read === undefined) continue;
    const message = 'the store of what the section has computed comes behind its end';
    yield { address: store.address, message };
  }
}

/**
 * The next store to the same object behind a store that puts back what it made of the old value: that
 * one took effect already, and a retry makes it again.
 */
function secondCommit(
  code: SectionCode,
  store: Instruction,
  place: MemoryUse,
  commits: readonly Effect[],
): Instruction | undefined {
  if (!isUpdate(code, store, place)) return undefined;
  const later = code.reachableFrom(store);
  return commits.find(
    (commit) =>
      later.has(commit.instruction) &&
      commit.place.base === place.base &&
      addressRegisters(place).length > 0 &&
      !isSamePlace(commit.place, place) &&
      code.keeps(addressRegisters(place), store, commit.instruction),
  )?.instruction;
}
