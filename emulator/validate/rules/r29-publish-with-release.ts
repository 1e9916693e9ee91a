import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R29: Rule = {
  id: 'R29',
  name: 'publish-with-release',
  title: 'Data for other CPUs is published by a commit with release semantics',
  severity: { static: 'warning' },
  rationale:
    'A section gives program order on its own CPU only. x86 does not reorder ordinary ' +
    'stores, but non-temporal ones come late.',
  fix: 'Put an sfence before the commit, or use ordinary stores.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted: 'Ordinary stores, which x86 keeps in order.',
};
