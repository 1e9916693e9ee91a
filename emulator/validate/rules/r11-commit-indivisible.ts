import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R11: Rule = {
  id: 'R11',
  name: 'commit-indivisible',
  title: 'The commit cannot be interrupted in its middle, and needs no lock prefix',
  severity: { static: 'error' },
  rationale:
    'A repeated string instruction or a scatter can be interrupted half done with the ' +
    'instruction pointer still on it; the abort then repeats what it had stored. A lock ' +
    'prefix pays for an atomicity that the section already gives.',
  fix: 'Commit with one plain store, or one read-modify-write without lock.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
};
