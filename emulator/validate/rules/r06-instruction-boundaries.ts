import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R6: Rule = {
  id: 'R6',
  name: 'instruction-boundaries',
  title: 'A section decodes, and its branches and its end are on instruction boundaries',
  severity: { static: 'error' },
  rationale:
    'A range that ends inside an instruction, or a branch into the middle of one, means ' +
    'that the code that runs is not the code that was marked.',
  fix: 'Set the labels between instructions, and keep data out of the section.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted: 'Data that the code of the section jumps over.',
};
