import { RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R19: Rule = {
  id: 'R19',
  name: 'exits-listed',
  title:
    'No indirect branch stays inside, and every direct exit is listed in __rseq_exit_point_array',
  severity: { static: 'warning' },
  rationale:
    'Debuggers and tracers set breakpoints at the listed exits to pass over a section; ' +
    'they miss the others.',
  fix: 'List each exit besides post-commit and abort_ip, as pair of start_ip and exit address.',
  families: RSEQ_CS_FAMILIES,
  images: ['executable', 'shared-object', 'relocatable'],
  accepted:
    'An exit to post-commit or to the abort handler needs no entry. Nothing is said of ' +
    'files that have no such array at all, nor of flat images.',
};
