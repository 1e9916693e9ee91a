import { CLONE } from '../abi/clone.ts';
import { type ClassicTraits, classicVariant } from './classic.ts';
import { mainlineProfile } from './mainline.ts';

/** Linux 4.18 to 5.4, where the mainline ABI begins. */
export const TRAITS_4_18: ClassicTraits = {
  auxv: undefined,
  shape: { extendedAlignBytes: undefined, extendedMinimumBytes: 0 },
  refusesUnregisterFlags: false,
  unregisteredBy: CLONE.THREAD,
  flags: 'filter',
  hasNodeAndCid: false,
  clearsStalePointer: false,
};

export const LINUX_4_18 = mainlineProfile({
  version: '4.18',
  era: 'mainline 4.18 to 5.4 (2018-2019)',
  differences: [
    'the area is exactly 32 bytes; only cpu_id_start and cpu_id are written, at every reschedule',
    'no AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN in the auxiliary vector',
    'NO_RESTART_ON_PREEMPT, _SIGNAL and _MIGRATE in a descriptor or in struct rseq inhibit restarts',
    'unregistering ignores other flags',
    'only CLONE_THREAD leaves a child unregistered: one of vfork keeps the registration',
    'registering touches no memory: an area that is not mapped kills on the way back',
    'a null area is taken, and registers nothing',
    'membarrier has no rseq commands',
  ],
  sources: [
    'kernel/rseq.c, include/linux/rseq.h and include/linux/sched.h of Linux 4.19',
    '"[PATCH 0/3] rseq fixes for 5.5" (December 2019), for what later kernels check',
  ],
  inferred: [
    'what is known of 4.19 holds for 4.18: input validation is older than both (July 2018)',
    'an area that is not mapped, or null: from the order of the checks',
    'an event outside of a section stays pending, and may abort a later one: from the control flow',
    'SIGSEGV is forced: blocking or ignoring it helps nobody',
  ],
  rseq: classicVariant(TRAITS_4_18, { debug: false }),
  options: { debug: classicVariant(TRAITS_4_18, { debug: true }) },
});
