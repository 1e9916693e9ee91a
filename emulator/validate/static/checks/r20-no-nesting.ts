import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import { isArmingWord } from '../arming.ts';
import type { CriticalSection } from '../critical-section.ts';
import { effectsOf } from '../effects.ts';
import type { StaticCheck } from './check.ts';

export const checkR20: StaticCheck = function* (section, program) {
  for (const other of program.sections) {
    if (!startsInside(section, other)) continue;
    const range = `${formatAddress(other.start)}-${formatAddress(other.end)}`;
    yield { address: section.start, message: `overlaps the section ${range}` };
    return;
  }
  const arming = program.arming(section);
  const { code } = section;
  if (code === undefined || arming.kind !== 'found') return;
  const storing = new Set(effectsOf(section, program).all.map(({ instruction }) => instruction));
  for (const each of code.reached) {
    const stores = each.memory.some((use) => use.writes && isArmingWord(arming.place, use));
    if (!stores || each.address === arming.store.address) continue;
    // To clear it with nothing left to do is of no harm to this section.
    const isLast = ![...code.reachableFrom(each)].some((later) => storing.has(later));
    if (each.immediate === 0 && each.source === undefined && isLast) continue;
    yield { address: each.address, message: 'a second store to rseq_cs inside the section' };
  }
};

/** Of two that overlap the later one is told; descriptors of the same range are one section. */
function startsInside(section: CriticalSection, other: CriticalSection): boolean {
  const { start, end, descriptor } = section;
  if (start === other.start && end === other.end) return false;
  if (!(start < other.end && other.start < end)) return false;
  return start > other.start || (start === other.start && descriptor > other.descriptor);
}
