import { effectsOf } from '../effects.ts';
import { addressRegisters, isSamePlace } from '../instruction.ts';
import { isUpdate, readerBefore } from '../updates.ts';
import type { StaticCheck } from './check.ts';

export const checkR12: StaticCheck = function* (section, program) {
  const { code } = section;
  if (code === undefined) return;
  const { early, commits } = effectsOf(section, program);
  for (const { instruction, place } of early) {
    const { address } = instruction;
    const later = code.reachableFrom(instruction);
    const following = commits.filter((commit) => later.has(commit.instruction));
    const again = following.some(
      (commit) =>
        isSamePlace(place, commit.place) &&
        code.keeps(addressRegisters(place), instruction, commit.instruction),
    );
    // A change of the object that the commit changes, too, is told by the rule about commits.
    const updates =
      isUpdate(code, instruction, place) &&
      following.some((commit) => commit.place.base === place.base);
    if (again) {
      const message = 'stores to where the commit stores: an abort in between leaves it changed';
      yield { address, message };
    } else if (
      !updates &&
      following.length > 0 &&
      readerBefore(code, instruction, place) !== undefined
    ) {
      const message = 'stores before the commit to what the section has read, so that it is shared';
      yield { address, message };
    }
  }
};
