import { IMAGE_KINDS, type Rule } from './rule.ts';

export const R31: Rule = {
  id: 'R31',
  name: 'slice-protocol',
  title:
    'A slice extension is requested, ended and yielded in this order, with no other system call',
  severity: { dynamic: 'warning' },
  rationale:
    'The request is cleared before granted is tested, else a grant in between is missed; ' +
    'a granted slice is given back by rseq_slice_yield.',
  fix: 'request = 1; work; request = 0; if granted: rseq_slice_yield.',
  families: ['mainline'],
  images: IMAGE_KINDS,
};
