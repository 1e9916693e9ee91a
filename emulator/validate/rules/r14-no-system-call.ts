import { DESCRIPTOR_FAMILIES, IMAGE_KINDS, type Rule } from './rule.ts';

export const R14: Rule = {
  id: 'R14',
  name: 'no-system-call',
  title: 'There is no system call inside a section',
  severity: { static: 'error', dynamic: 'error' },
  rationale:
    'Kernels with rseq debugging kill the thread. Since 6.19 a preemption during the call ' +
    'does not abort the section, which then goes on unprotected.',
  fix: 'Leave the section before the call, or make it on the slow path.',
  families: DESCRIPTOR_FAMILIES,
  images: IMAGE_KINDS,
  enforcedBy: 'kernels with rseq debugging',
};
