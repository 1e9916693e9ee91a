import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import { isArmingWord } from '../arming.ts';
import type { CriticalSection } from '../critical-section.ts';
import type { StaticCheck } from './check.ts';

export const checkR20: StaticCheck = function* (section, program) {
  for (const other of program.sections) {
    if (!startsInside(section, other)) continue;
    const range = `${formatAddress(other.start)}-${formatAddress(other.end)}`;
    yield { address: section.start, message: `overlaps the section ${range}` };
    return;
  }
  const arming = program.arming(section);
  if (arming.kind !== 'found') return;
  for (const each of section.code?.reached ?? []) {
    const arms = each.memory.some((use) => use.writes && isArmingWord(arming.place, use));
    if (arms && each.address !== arming.store.address) {
      yield { address: each.address, message: 'a second store to rseq_cs inside the section' };
    }
  }
};

/** Of two that overlap the later one is told; descriptors of the same range are one section. */
function startsInside(section: CriticalSection, other: CriticalSection): boolean {
  const { start, end, descriptor } = section;
  if (start === other.start && end === other.end) return false;
  if (!(start < other.end && other.start < end)) return false;
  return start > other.start || (start === other.start && descriptor > other.descriptor);
}
