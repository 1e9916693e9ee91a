import { LINUX_6_19 } from './linux-6.19.ts';
import type { KernelProfile } from './variant.ts';

/** A kernel mistake that was made, kept so that it is found: what preemption alone does is lost. */
export const BROKEN_NO_PREEMPT_ABORT: KernelProfile = {
  ...LINUX_6_19,
  name: 'broken-no-preempt-abort',
  era: 'a regression of the 6.19 development cycle, on arm64',
  aliases: [],
  differences: [
    'linux-6.19, but being preempted does not abort a section: only migration and signals do',
  ],
  sources: ['the thread of D. Vyukov on rseq in 6.19, April 2026 (arm64: same-core preemption)'],
  inferred: ['that an rseq membarrier still aborted'],
  rseq: { ...LINUX_6_19.rseq, onSwitchOut: () => undefined },
  lostEvents: ['onSwitchOut'],
  options: {},
};
