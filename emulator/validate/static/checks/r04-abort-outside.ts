import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { StaticCheck } from './check.ts';

export const checkR4: StaticCheck = function* ({ abort, start, end }) {
  if (abort >= start && abort < end) {
    const message = `abort_ip ${formatAddress(abort)} lies inside the section`;
    yield { address: abort, message };
  }
};
