import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R22: Rule = {
  id: 'R22',
  name: 'abort-from-anywhere',
  title:
    'The abort handler copes with an arrival from any instruction of the section, also by a plain jump',
  severity: { static: 'warning' },
  rationale:
    'An interruption can come at each instruction, and sections jump to the handler ' +
    'themselves when the CPU number differs; rseq_cs is still set then.',
  fix: 'Let the handler rely on nothing that the section computes.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
};
