import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R30: Rule = {
  id: 'R30',
  name: 'registered-first',
  title: 'A thread registers before its first section, or takes a fallback',
  severity: { dynamic: 'error' },
  rationale: 'Without a registration the kernel never aborts, and cpu_id stays -1.',
  fix: 'Register in each thread, or check that cpu_id is not negative.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
};
