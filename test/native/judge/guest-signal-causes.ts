import { type GuestCause, helper, nap } from './guest-causes.ts';
import {
  DIVIDE_BY_ZERO,
  GUEST,
  INT3,
  killItself,
  load8,
  loadAt,
  store4,
  UD2,
} from './guest-code.ts';

const SIGILL = 4;
const SIGTRAP = 5;
const SIGFPE = 8;
const SIGUSR1 = 10;
const SIGSEGV = 11;
const SIGCHLD = 17;
const SIGTERM = 15;
const SA_NODEFER = 0x4000_0000;
const SA_RESETHAND = 0x8000_0000;

const hex = (value: number) => value.toString(16);
const sigaction = (signal: number, action: number) => `S d ${hex(signal)} ${hex(action)} 0 8`;
const sigprocmask = (how: number) => `S e ${how} ${hex(GUEST.signals)} 0 8`;

const IGNORE = `V ${hex(GUEST.ignore)} 1 ${sigaction(SIGUSR1, GUEST.ignore)}`;
const BLOCK = `V ${hex(GUEST.signals)} ${hex(1 << (SIGUSR1 - 1))} ${sigprocmask(0)}`;
const UNBLOCK = sigprocmask(1);
const KILL_BY_OTHER = `S ea @ @ ${hex(SIGUSR1)}`;

/** A cause with a handler for a signal, which is taken away afterwards. */
function handled(signal: number, cause: GuestCause, flags = 0): GuestCause {
  return {
    ...cause,
    before: `h ${hex(signal)} ${hex(flags)} ${cause.before ?? ''}`.trimEnd(),
    after: `${cause.after ?? ''} ${sigaction(signal, GUEST.zeros)}`.trimStart(),
  };
}

const OWN = { code: killItself(SIGUSR1) };
const BY_OTHER = helper(1, KILL_BY_OTHER);

/** Signals by itself and by another thread, and faults, with a handler and without. */
export const SIGNAL_CAUSES: Readonly<Record<string, GuestCause>> = {
  'a signal of its own': handled(SIGUSR1, OWN),
  'a signal of its own, not deferred': handled(SIGUSR1, OWN, SA_NODEFER),
  'a signal of its own, handled once': handled(SIGUSR1, OWN, SA_RESETHAND),
  'two signals of its own': handled(SIGUSR1, { code: [...OWN.code, ...OWN.code] }),
  'a signal and a nap': handled(SIGUSR1, { code: [...OWN.code, ...nap(50_000).code] }),
  'a signal without a handler': OWN,
  'a signal that ends it': { code: killItself(SIGTERM) },
  'a signal that does nothing': { code: killItself(SIGCHLD) },
  'an ignored signal': { ...OWN, before: IGNORE, after: sigaction(SIGUSR1, GUEST.zeros) },
  'a blocked signal': handled(SIGUSR1, { ...OWN, before: BLOCK, after: UNBLOCK }),
  'signal 0': { code: killItself(0) },
  'a signal by another': handled(SIGUSR1, BY_OTHER),
  'an ignored signal by another': {
    ...BY_OTHER,
    before: `${IGNORE} ${BY_OTHER.before}`,
    after: `${BY_OTHER.after} ${sigaction(SIGUSR1, GUEST.zeros)}`,
  },
  'a blocked signal by another': handled(SIGUSR1, {
    ...BY_OTHER,
    before: `${BY_OTHER.before} ${BLOCK}`,
    after: `${BY_OTHER.after} ${UNBLOCK}`,
  }),
  'an unknown instruction': handled(SIGILL, { code: UD2 }),
  'an unknown instruction, unhandled': { code: UD2 },
  'a breakpoint': handled(SIGTRAP, { code: INT3 }),
  'a breakpoint, unhandled': { code: INT3 },
  'a division by zero': handled(SIGFPE, { code: DIVIDE_BY_ZERO }),
  'a load from a hole': handled(SIGSEGV, { code: load8(GUEST.hole) }),
  'a load from a hole, unhandled': { code: load8(GUEST.hole) },
  'a load from the kernel': handled(SIGSEGV, { code: loadAt(0xffff_8000_0000_0000n) }),
  'a load that is not canonical': handled(SIGSEGV, { code: loadAt(2n ** 63n) }),
  'a store to a hole': handled(SIGSEGV, { code: store4(GUEST.hole + 8, 1) }),
  'a nap with a handler of SIGSEGV': handled(SIGSEGV, nap(50_000)),
  'a nap with a handler of SIGSEGV, not deferred': handled(SIGSEGV, nap(50_000), SA_NODEFER),
  'a signal with a handler of SIGSEGV': handled(SIGSEGV, handled(SIGUSR1, OWN)),
};
