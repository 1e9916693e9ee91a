import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R4: Rule = {
  id: 'R4',
  name: 'abort-outside',
  title: 'abort_ip lies outside the section that it belongs to',
  severity: { static: 'error' },
  rationale:
    'Linux up to 6.18 kills the thread. Later ones jump into the section with rseq_cs ' +
    'cleared, so that it runs unprotected.',
  fix: 'Place the abort handler behind post-commit or in another code section.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'Linux 4.18 to 6.18',
};
