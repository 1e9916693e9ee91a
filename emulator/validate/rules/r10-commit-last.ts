import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R10: Rule = {
  id: 'R10',
  name: 'commit-last',
  title:
    'The commit is the last instruction of the section: one instruction that stores to one place',
  severity: { static: 'error' },
  rationale:
    'An instruction behind the commit and still inside can be interrupted after the ' +
    'effect is visible; the abort handler retries, and the effect happens twice.',
  fix: 'Move post-commit right behind the storing instruction; do all else before it.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted:
    'A section without any store (a consistent read) may end as it likes. Stores before ' +
    'the commit are the matter of R12.',
};
