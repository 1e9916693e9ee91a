import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R8: Rule = {
  id: 'R8',
  name: 'index-validated',
  title:
    'A section compares cpu_id or mm_cid with its index, or derives it inside, before any effect',
  severity: { static: 'error', dynamic: 'error' },
  rationale:
    'A migration between the load of the index and start_ip is not inside, so nothing ' +
    'aborts: the section would then work on the data of a CPU on which it no longer runs.',
  fix:
    'Compare cpu_id (or mm_cid) with the index first thing after start_ip, or load the ' +
    'index inside.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  accepted:
    'A pointer that is derived from a word which the kernel overwrites, read inside the ' +
    'section, serves as well as a comparison.',
};
