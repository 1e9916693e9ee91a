import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { StaticCheck } from './check.ts';

/** Damaged arrays never become sections: find-sections.ts reports those. */
export const checkR26: StaticCheck = function* ({ descriptor, listedAt }, { found, image }) {
  if (!found.hasPointerArray) return;
  const [, again] = listedAt;
  if (listedAt.length === 0) {
    const message = 'the descriptor is not listed in __rseq_cs_ptr_array';
    yield { address: descriptor, message };
  }
  if (again !== undefined) {
    const message = `__rseq_cs_ptr_array lists ${formatAddress(descriptor)} twice`;
    yield { address: again, message };
  }
  const tables = image.sections.filter(({ name, size }) => name === '__rseq_cs' && size > 0);
  const inTable = tables.some(
    ({ address, size }) => descriptor >= address && descriptor < address + size,
  );
  if (tables.length > 0 && !inTable) {
    yield { address: descriptor, message: 'the listed descriptor lies outside of __rseq_cs' };
  }
};
