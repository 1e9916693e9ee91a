import { effectsOf } from '../effects.ts';
import { type Instruction, isSamePlace, type MemoryUse } from '../instruction.ts';
import type { SectionCode } from '../section-code.ts';
import type { StaticCheck } from './check.ts';

export const checkR10: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const { commits } = effectsOf(section, program);
  const seen = new Set<Instruction>();
  for (const { instruction, place } of commits) {
    if (seen.has(instruction)) {
      yield { address: instruction.address, message: 'the commit stores to more than one place' };
      continue;
    }
    seen.add(instruction);
    const extra = firstAfterCommit(code, instruction, place);
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
  place: MemoryUse,
): Instruction | undefined {
  const [first] = code.after(store);
  const seen = new Set<Instruction>();
  for (let each = store; !seen.has(each); ) {
    seen.add(each);
    const [next, ...others] = code.successors(each);
    if (next === undefined || others.length > 0) return undefined;
    if (next === code.end) return first;
    const instruction = code.at(next);
    if (instruction === undefined || !isMere(instruction, place)) return undefined;
    each = instruction;
  }
  return undefined;
}

function isMere({ flow, memory }: Instruction, place: MemoryUse): boolean {
  return (
    (flow === 'next' || flow === 'jump') &&
    memory.every((use) => !use.writes && isSamePlace(use, place))
  );
}
