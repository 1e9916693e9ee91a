import type { Rule } from './rule.ts';

export const R26: Rule = {
  id: 'R26',
  name: 'descriptors-listed',
  title: 'The pointer array lists every descriptor once, and nothing else',
  severity: { static: 'warning' },
  rationale: 'Debuggers, tracers and this tool find sections through it.',
  fix: 'Emit an entry of __rseq_cs_ptr_array beside each descriptor, in the same macro.',
  families: ['mainline'],
  images: ['executable', 'shared-object', 'relocatable'],
  accepted:
    'Files without that array, as made before 2019; sections of the same range with a ' +
    'descriptor each.',
};
