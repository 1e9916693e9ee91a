import { type GuestCause, nap } from './guest-causes.ts';
import { GUEST, systemCall } from './guest-code.ts';

const SYS_CLONE = 56;
const SYS_FORK = 57;
const SIGCHLD = 17;

const STATUS = GUEST.status.toString(16);
/** Waits for the child and tells its status: what its code returned, and how it ended. */
const REAP = `V ${STATUS} 0 S 3d ffffffffffffffff ${STATUS} 0 0 L ${STATUS}`;

/** Where there are two CPUs, the child need not take the place of its parent. */
const ANY_CPU = `V ${GUEST.mask.toString(16)} 3 S cb 0 8 ${GUEST.mask.toString(16)}`;

/** Children of fork go on where their parents are, and tell by their status what became of them. */
export const FORK_CAUSES: Readonly<Record<string, GuestCause>> = {
  fork: { code: systemCall(SYS_FORK), before: ANY_CPU, after: REAP, keeps: 'zero' },
  'fork by clone': {
    code: systemCall(SYS_CLONE, SIGCHLD, 0),
    before: ANY_CPU,
    after: REAP,
    keeps: 'zero',
  },
  'a nap, then fork': {
    code: [...nap(50_000).code, ...systemCall(SYS_FORK)],
    before: ANY_CPU,
    after: REAP,
    keeps: 'zero',
  },
  'fork with a handler of SIGSEGV': {
    code: systemCall(SYS_FORK),
    before: `${ANY_CPU} h b 0`,
    after: `${REAP} S d b ${GUEST.zeros.toString(16)} 0 8`,
    keeps: 'zero',
  },
};
