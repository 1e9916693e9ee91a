import { formatAddress } from '../../../kernel-model/hardware/address.ts';
import { SHF_ALLOC } from '../../loader/elf-constants.ts';
import type { ObjectImage } from '../../loader/object/object-image.ts';

/**
 * `.text+0x1c`: where something is in a file that is not linked, whose addresses we made up; `undefined`
 * in other files.
 */
export function objectPlace({ kind, sections }: ObjectImage, address: number): string | undefined {
  if (kind !== 'relocatable') return undefined;
  const section = sections.find(
    (each) =>
      (each.flags & SHF_ALLOC) !== 0 &&
      address >= each.address &&
      address < each.address + each.size,
  );
  return section && `${section.name}+${formatAddress(address - section.address)}`;
}
