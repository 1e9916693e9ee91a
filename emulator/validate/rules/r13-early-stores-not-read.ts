import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R13: Rule = {
  id: 'R13',
  name: 'early-stores-not-read',
  title: 'What a section stored before its commit is not read back inside it',
  severity: { static: 'warning' },
  rationale:
    'A section must survive a restart from its first instruction, also by tools that ' +
    'restart it themselves: a value that it left behind would be taken for input.',
  fix: 'Keep such values in registers.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
};
