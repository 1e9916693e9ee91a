import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { StaticCheck } from './check.ts';

export const checkR19: StaticCheck = function* (section, { found }) {
  const { code, end, abort, exits } = section;
  if (code === undefined) return;
  for (const { address, flow, target } of code.reached) {
    if (flow === 'indirect') {
      yield { address, message: 'an indirect jump: nobody can tell where it leaves the section' };
    }
    if (!found.hasExitArray || target === undefined || flow === 'call') continue;
    if (code.holds(target) || target === end || target === abort || exits.includes(target))
      continue;
    const message = `an exit to ${formatAddress(target)} that __rseq_exit_point_array does not list`;
    yield { address, message };
  }
};
