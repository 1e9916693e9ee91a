import { effectsOf } from '../effects.ts';
import { addressRegisters, isSamePlace } from '../instruction.ts';
import type { StaticCheck } from './check.ts';

export const checkR12: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const { early, commits } = effectsOf(section, program);
  for (const { instruction, place } of early) {
    const later = code.reachableFrom(instruction);
    const again = commits.some(
      (commit) =>
        later.has(commit.instruction) &&
        isSamePlace(place, commit.place) &&
        code.keeps(addressRegisters(place), instruction, commit.instruction),
    );
    if (!again) continue;
    const message = 'stores to where the commit stores: an abort in between leaves it changed';
    yield { address: instruction.address, message };
  }
};
