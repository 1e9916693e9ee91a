import { LINUX_6_18 } from './linux-6.18.ts';
import type { KernelProfile } from './variant.ts';

/** A kernel mistake that could be made, kept so that it is found: rseq membarriers reach nobody. */
export const BROKEN_FENCE_LOST: KernelProfile = {
  ...LINUX_6_18,
  name: 'broken-fence-lost',
  era: 'never released',
  aliases: [],
  differences: ['linux-6.18, but an rseq membarrier interrupts no section and still returns 0'],
  sources: ['made up: linux-6.18 without ipi_rseq of kernel/sched/membarrier.c'],
  inferred: [],
  rseq: { ...LINUX_6_18.rseq, onMembarrier: () => undefined },
  lostEvents: ['onMembarrier'],
  options: {},
};
