import { isArmingWord } from './arming.ts';
import type { CheckedProgram } from './checked-program.ts';
import type { CriticalSection } from './critical-section.ts';
import { type Instruction, isStack, type MemoryUse } from './instruction.ts';

/** A store that others might see: neither to the stack nor to rseq_cs. */
export interface Effect {
  readonly instruction: Instruction;
  readonly place: MemoryUse;
}

/** What a section stores. */
export interface Effects {
  readonly all: readonly Effect[];
  /** Those after which the end can be reached without another one: the commit, if there is one. */
  readonly commits: readonly Effect[];
  /** The others. */
  readonly early: readonly Effect[];
}

const NONE: Effects = { all: [], commits: [], early: [] };

/** The stores of a section, told apart by whether others follow. */
export function effectsOf(section: CriticalSection, program: CheckedProgram): Effects {
  const { code } = section;
  // Code that does not decode has no order of stores to speak of.
  if (code === undefined || code.problems.length > 0) return NONE;
  const arming = program.arming(section);
  const isEffect = (use: MemoryUse) =>
    use.writes && !isStack(use) && !(arming.kind === 'found' && isArmingWord(arming.place, use));
  const all = code.reached.flatMap((instruction) =>
    instruction.memory.filter(isEffect).map((place) => ({ instruction, place })),
  );
  const storing = new Set(all.map(({ instruction }) => instruction));
  const isFinal = (from: Instruction): boolean => {
    const seen = new Set<Instruction>();
    const pending = [from];
    for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
      if (code.successors(each).includes(code.end)) return true;
      for (const next of code.after(each)) {
        if (seen.has(next) || storing.has(next)) continue;
        seen.add(next);
        pending.push(next);
      }
    }
    return false;
  };
  const finals = new Set([...storing].filter(isFinal));
  return {
    all,
    commits: all.filter(({ instruction }) => finals.has(instruction)),
    early: all.filter(({ instruction }) => !finals.has(instruction)),
  };
}
