import { IMAGE_KINDS, RSEQ_CS_FAMILIES, type Rule } from './rule.ts';

export const R1: Rule = {
  id: 'R1',
  name: 'descriptor-header',
  title: 'version and flags of a descriptor are 0',
  severity: { static: 'error' },
  rationale:
    'Linux 6.0 to 6.18 kills a thread whose armed descriptor has a version or flags. ' +
    'Flags kept some events from aborting before 6.0, and mean nothing since 6.19.',
  fix: 'Emit both words as 0; code that must not be aborted by a signal has to block it.',
  families: RSEQ_CS_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'Linux 6.0 to 6.18 (version: from 4.18 on)',
};
