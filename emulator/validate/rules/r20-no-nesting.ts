import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R20: Rule = {
  id: 'R20',
  name: 'no-nesting',
  title: 'Sections do not nest or overlap, and none arms another inside',
  severity: { static: 'error' },
  rationale:
    'A thread has one armed section. A second store to rseq_cs ends the protection of the ' +
    'first.',
  fix: 'Make one section of both, or commit the first before the second is armed.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted:
    'Two descriptors of exactly the same range: one piece of code that is armed from two ' +
    'call sites.',
};
