import { type ClassicTraits, classicVariant } from './classic.ts';
import { TRAITS_6_0 } from './linux-6.0.ts';
import { mainlineProfile } from './mainline.ts';

const FEATURE_SIZE_BYTES = 28;
const ALIGN_BYTES = 32;

export const TRAITS_6_3: ClassicTraits = {
  ...TRAITS_6_0,
  auxv: { featureSizeBytes: FEATURE_SIZE_BYTES, alignBytes: ALIGN_BYTES },
  shape: { extendedAlignBytes: ALIGN_BYTES, extendedMinimumBytes: FEATURE_SIZE_BYTES },
  hasNodeAndCid: true,
};

export const LINUX_6_3 = mainlineProfile({
  version: '6.3',
  era: 'mainline 6.3 to 6.14 (2023-2025)',
  differences: [
    'node_id and mm_cid, written with the CPU numbers at every reschedule',
    'areas may be longer than 32 bytes; unregistering takes the length that was registered',
    'AT_RSEQ_FEATURE_SIZE is 28 and AT_RSEQ_ALIGN 32',
    'membarrier has MEMBARRIER_CMD_GET_REGISTRATIONS',
  ],
  sources: ['kernel/rseq.c and include/uapi/linux/rseq.h of Linux 6.3 to 6.14', 'librseq, rseq(2)'],
  inferred: ['which mm_cid a thread gets: the lowest free one'],
  rseq: classicVariant(TRAITS_6_3, { debug: false }),
  options: { debug: classicVariant(TRAITS_6_3, { debug: true }) },
});
