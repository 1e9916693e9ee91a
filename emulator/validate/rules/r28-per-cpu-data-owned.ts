import { ALL_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R28: Rule = {
  id: 'R28',
  name: 'per-cpu-data-owned',
  title:
    'Data of a CPU is touched in sections on that CPU only, or after a fence, or with its users stopped',
  severity: { dynamic: 'error' },
  rationale:
    'A section is atomic against others on the same CPU, not against another CPU that ' +
    'reads or writes the same data.',
  fix: 'Go to that CPU, or stop its sections with an rseq membarrier, or lock everywhere.',
  families: ALL_FAMILIES,
  images: IMAGE_KINDS,
};
