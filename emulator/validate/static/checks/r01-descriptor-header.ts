import { parseVersion } from '../../../../kernel-model/abi/linux-version.ts';
import {
  RSEQ_CS,
  RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE,
  RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT,
  RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL,
} from '../../../../kernel-model/abi/rseq.ts';
import { formatAddress } from '../../../../kernel-model/hardware/address.ts';
import type { CheckedProgram } from '../checked-program.ts';
import type { StaticCheck } from './check.ts';

const PREEMPT_AND_MIGRATE = RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT | RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE;
const KNOWN_FLAGS = PREEMPT_AND_MIGRATE | RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL;
/** The first major release that takes no flags. */
const WITHOUT_FLAGS = 6;

export const checkR1: StaticCheck = function* ({ descriptor, version, flags }, program) {
  if (version !== 0) {
    yield {
      address: descriptor + RSEQ_CS.version,
      message: `the descriptor has version ${version}`,
    };
  }
  if (flags !== 0 && !areFilters(program, flags)) {
    const message = `the descriptor has flags ${formatAddress(flags)}`;
    yield { address: descriptor + RSEQ_CS.flags, message };
  }
};

/** Up to 5.19 flags say which events do not abort: signals only together with both others. */
function areFilters({ kernel, family }: CheckedProgram, flags: number): boolean {
  const major = parseVersion(kernel.release.split('.').slice(0, 2).join('.'))?.major ?? 0;
  if (family === 'mainline' && major >= WITHOUT_FLAGS) return false;
  if ((flags & ~KNOWN_FLAGS) !== 0) return false;
  const signal = (flags & RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL) !== 0;
  return !signal || (flags & PREEMPT_AND_MIGRATE) === PREEMPT_AND_MIGRATE;
}
