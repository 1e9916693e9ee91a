import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R5: Rule = {
  id: 'R5',
  name: 'abort-signature',
  title: 'The 4 bytes before abort_ip are the registered signature, in code that is not writable',
  severity: { static: 'error' },
  rationale:
    'Every abort compares them and kills the thread where they differ. They keep an ' +
    'attacker who can write rseq_cs from jumping anywhere; in writable memory they do ' +
    'not.',
  fix:
    'Put the signature right before the first instruction of the abort handler, in an ' +
    'executable, read-only section.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'all (not the protection of the memory)',
  accepted:
    'Any bytes may come before the 4: a ud1, a nopl, or none. In a flat image all memory ' +
    'is writable, which is not held against it.',
};
