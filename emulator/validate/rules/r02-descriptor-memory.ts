import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R2: Rule = {
  id: 'R2',
  name: 'descriptor-memory',
  title: 'A descriptor is 32 readable bytes, aligned to 32, for as long as it may be armed',
  severity: { static: 'error', dynamic: 'error' },
  rationale:
    'The kernel copies the descriptor at any reschedule or signal while its address is in ' +
    'rseq_cs, even when the thread has left the section. Memory that is gone by then ' +
    '(dlclose, freed JIT code) is a SIGSEGV.',
  fix:
    'Keep descriptors in an aligned, loaded section; store 0 to rseq_cs before their ' +
    'memory goes away.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'all (memory; alignment is never checked by a kernel)',
};
