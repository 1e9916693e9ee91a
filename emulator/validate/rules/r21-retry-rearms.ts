import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R21: Rule = {
  id: 'R21',
  name: 'retry-rearms',
  title: 'Registers that the retry needs are kept, and every retry arms again',
  severity: { static: 'error' },
  rationale:
    'The kernel restores no register, and has set rseq_cs to 0 when the abort handler ' +
    'starts. A retry that jumps to start_ip behind the arming store is not protected.',
  fix: 'Jump to the arming store or before it; use registers for results that are not inputs too.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'all (rseq_cs is cleared by each)',
  accepted: 'An abort handler that jumps to the instruction that arms.',
};
