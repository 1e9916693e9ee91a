import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R18: Rule = {
  id: 'R18',
  name: 'armed-while-run',
  title: 'The code of a section runs only while rseq_cs points to its descriptor',
  severity: { dynamic: 'error' },
  rationale:
    'Without it an interruption between load and store goes unnoticed and an update is ' +
    'lost. The hole is left by sections that are never armed, by calls out, by a jump ' +
    'back without arming again, and by debuggers that stopped the thread inside.',
  fix: 'Arm before each entry, also when the abort handler tries again.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
};
