import { RSEQ_FLAG_SLICE_EXT_DEFAULT_ON } from '../abi/rseq.ts';
import { TRAITS_6_19 } from './linux-6.19.ts';
import { mainlineProfile } from './mainline.ts';
import { type RewrittenTraits, rewrittenVariant } from './rewritten.ts';

const FEATURE_SIZE_BYTES = 33;
const ALIGN_BYTES = 64;

export const TRAITS_7_0: RewrittenTraits = {
  ...TRAITS_6_19,
  auxv: { featureSizeBytes: FEATURE_SIZE_BYTES, alignBytes: ALIGN_BYTES },
  shape: { extendedAlignBytes: ALIGN_BYTES, extendedMinimumBytes: FEATURE_SIZE_BYTES },
  registerFlags: RSEQ_FLAG_SLICE_EXT_DEFAULT_ON,
  slices: 'all',
};

const PLAIN = { debug: false, evaluatesLegacyAlways: false };

export const LINUX_7_0 = mainlineProfile({
  version: '7.0',
  era: 'mainline 7.0 (2026)',
  differences: [
    'time-slice extension: slice_ctrl at byte 28, prctl 79, rseq_slice_yield (471)',
    'AT_RSEQ_FEATURE_SIZE is 33, AT_RSEQ_ALIGN 64; a longer area has at least 33 bytes, 64-aligned',
    'registering takes RSEQ_FLAG_SLICE_EXT_DEFAULT_ON, and writes flags and slice_ctrl too',
  ],
  sources: [
    'include/linux/rseq_entry.h and kernel/rseq.c of Linux 7.0, kernel/entry/common.c',
    'Documentation/userspace-api/rseq.rst; d6200245c75e (the size 33)',
  ],
  inferred: [
    'a kernel without PREEMPT_RT, which grants slices for lazy reschedules only',
    'a granted slice is no context switch, so that it aborts no section',
    'the system call that ends a granted slice takes effect before the other task runs, not after',
  ],
  mmCidScheme: 'owned',
  rseq: rewrittenVariant(TRAITS_7_0, PLAIN),
  options: { debug: rewrittenVariant(TRAITS_7_0, { ...PLAIN, debug: true }) },
});
