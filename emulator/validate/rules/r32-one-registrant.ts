import { IMAGE_KINDS, type Rule } from './rule.ts';

export const R32: Rule = {
  id: 'R32',
  name: 'one-registrant',
  title: 'One registration a thread, of the length that the kernel announces',
  severity: { dynamic: 'error' },
  rationale:
    'A second registration fails (EBUSY, EINVAL, EPERM). 32 bytes is legal and means the ' +
    'old behaviour since Linux 7.1.',
  fix: "Share libc's registration (__rseq_offset), or switch that off (glibc.pthread.rseq=0).",
  families: ['mainline'],
  images: IMAGE_KINDS,
  enforcedBy: 'all',
  accepted: 'A registration of 32 bytes.',
};
