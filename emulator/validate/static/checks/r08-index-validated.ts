import { readsId } from '../arming.ts';
import { effectsOf } from '../effects.ts';
import { addressRegisters, type Instruction, type MemoryUse } from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import type { StaticCheck } from './check.ts';

export const checkR8: StaticCheck = function* (section, program) {
  const { code } = section;
  const arming = program.arming(section);
  if (code === undefined || arming.kind !== 'found') return;
  const { commits, early } = effectsOf(section, program);
  const unaware = reachedWithout((each) => readsId(arming.place, each), code);
  for (const { instruction } of commits) {
    if (!unaware.has(instruction)) continue;
    yield {
      address: instruction.address,
      message: 'commits without having read the CPU number (or mm_cid) inside the section',
    };
    return;
  }
  for (const { instruction, place } of early) {
    const shared = commits.some((commit) => sharesBase(place, commit.place));
    if (!unaware.has(instruction) || !shared) continue;
    const message = 'stores before the CPU number (or mm_cid) is compared';
    yield { address: instruction.address, message };
  }
};

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
  const registers = addressRegisters(a);
  return a.base === b.base && registers.length > 0;
}
