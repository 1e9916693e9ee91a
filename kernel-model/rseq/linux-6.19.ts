import { RSEQ_CPU_ID_UNINITIALIZED } from '../abi/rseq.ts';
import { TRAITS_6_15 } from './linux-6.15.ts';
import { mainlineProfile } from './mainline.ts';
import { type RewrittenTraits, rewrittenVariant } from './rewritten.ts';

export const TRAITS_6_19: RewrittenTraits = {
  auxv: TRAITS_6_15.auxv,
  shape: TRAITS_6_15.shape,
  registerFlags: 0,
  unregisteredCpuIdStart: RSEQ_CPU_ID_UNINITIALIZED,
  slices: 'none',
  hasLegacyMode: false,
};

const PLAIN = { debug: false, evaluatesLegacyAlways: false };

export const LINUX_6_19 = mainlineProfile({
  version: '6.19',
  era: 'mainline 6.19 (early 2026): the rewrite',
  differences: [
    'the ids are written only when the CPU or mm_cid changed, and at registration',
    'a section is looked at only on the way back from an interrupt, fault or trap in user mode: not ' +
      'from a system call, whose sleep aborts nothing and leaves a stale rseq_cs',
    'outside a section nothing is checked; inside only abort_ip and its signature: version, flags, ' +
      'overlap and wrap-around are not',
    'registering writes rseq_cs and all ids at once; a fault there is EFAULT',
    'unregistering leaves cpu_id_start 0xffffffff; a fault there is EFAULT and SIGSEGV',
    'a thread keeps its mm_cid while there are no more threads than CPUs',
  ],
  sources: [
    'include/linux/rseq_entry.h, include/linux/rseq.h and kernel/rseq.c of the 6.19 development cycle',
    'the CID ownership series of November 2025; D. Vyukov on cpu_id_start, 28 April 2026',
  ],
  inferred: ['which mm_cid a thread or CPU owns: the lowest free one, the number of the CPU'],
  mmCidScheme: 'owned',
  rseq: rewrittenVariant(TRAITS_6_19, PLAIN),
  options: { debug: rewrittenVariant(TRAITS_6_19, { ...PLAIN, debug: true }) },
});
