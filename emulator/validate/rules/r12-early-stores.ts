import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R12: Rule = {
  id: 'R12',
  name: 'early-stores',
  title: 'Stores before the commit go where nobody else acts on them until the commit',
  severity: { static: 'warning', dynamic: 'error' },
  rationale:
    'An abort leaves them done. A signal handler, or the next thread on this CPU, must ' +
    'not find a half-made change.',
  fix:
    'Store to slots that only the commit makes visible, to private buffers, or the same ' +
    'value again and again.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  accepted:
    'Slots beyond a cursor that the commit moves, private arrays, scratch words. ' +
    'Statically only stores to the place of the commit itself are told.',
};
