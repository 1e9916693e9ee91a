import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R9: Rule = {
  id: 'R9',
  name: 'index-from-cpu-id-start',
  title:
    'Arrays are indexed by cpu_id_start; cpu_id is signed, and an index only once it was compared',
  severity: { static: 'warning' },
  rationale:
    'cpu_id is -1 before the registration and -2 where it failed: as an index it reaches ' +
    'outside the array. cpu_id_start is always a valid index.',
  fix: 'Load cpu_id_start for the index, and compare it with cpu_id inside the section.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
};
