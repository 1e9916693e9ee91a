import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R7: Rule = {
  id: 'R7',
  name: 'arming-store',
  title: 'One aligned 8-byte store to rseq_cs comes immediately before start_ip',
  severity: { static: 'error' },
  rationale:
    'A reschedule between the store and start_ip finds the thread outside the section and ' +
    'clears rseq_cs: all of the section then runs unprotected, with a CPU number that ' +
    'still compares equal. A store in two halves can be seen half done.',
  fix:
    'Make the store of the descriptor to rseq_cs the last instruction before the label of ' +
    'start_ip.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  accepted:
    'An abort handler may jump to the store, or before it, to try again. In rfc-2017 the ' +
    'store is inside, right after start_ip.',
};
