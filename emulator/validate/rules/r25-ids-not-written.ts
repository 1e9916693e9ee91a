import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R25: Rule = {
  id: 'R25',
  name: 'ids-not-written',
  title: 'User code never writes the id fields of struct rseq',
  severity: { dynamic: 'error' },
  rationale:
    'Other users in the same thread, libc first, rely on what the kernel wrote there. ' +
    'With the larger registration of Linux 7.1 the kernel kills the thread at its next ' +
    'update.',
  fix: 'Leave the fields to the kernel; unregister with rseq(2).',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'Linux 7.1 with a registration of more than 32 bytes',
  accepted: 'The word that overlaps cpu_id_start in a 32-byte registration (tcmalloc).',
};
