import { classicVariant } from './classic.ts';
import { TRAITS_6_15 } from './linux-6.15.ts';
import { mainlineProfile } from './mainline.ts';

export const LINUX_6_18 = mainlineProfile({
  version: '6.18',
  era: 'mainline 6.18 (late 2025), the last before the rewrite',
  differences: [
    'rseq as in 6.15; observed case by case on 6.18.44',
    'system calls that 6.15 answers with ENOSYS: file_getattr and file_setattr (6.17), uprobe',
  ],
  sources: ['kernel/rseq.c of Linux 6.15 to 6.18', 'docs/abi/linux-6.18.md (observed on 6.18.44)'],
  inferred: [],
  rseq: classicVariant(TRAITS_6_15, { debug: false }),
  options: { debug: classicVariant(TRAITS_6_15, { debug: true }) },
});
