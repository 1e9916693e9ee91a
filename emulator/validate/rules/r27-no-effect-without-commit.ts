import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R27: Rule = {
  id: 'R27',
  name: 'no-effect-without-commit',
  title: 'A section that is left without its commit has changed nothing that others act on',
  severity: { dynamic: 'error' },
  rationale:
    'An exit on a failed comparison, or an abort, means that nothing happened; the caller ' +
    'does it again or otherwise.',
  fix: 'Do all comparisons before the first store that counts.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
};
