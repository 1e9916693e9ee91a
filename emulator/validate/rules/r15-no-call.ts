import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R15: Rule = {
  id: 'R15',
  name: 'no-call',
  title: 'There is no call out of a section and back into it',
  severity: { static: 'error' },
  rationale:
    'In the callee the instruction pointer is outside: a switch there clears rseq_cs, and ' +
    'the rest of the section runs unprotected.',
  fix: 'Inline the callee, or leave the section for good.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
};
