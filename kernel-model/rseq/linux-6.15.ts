import { type ClassicTraits, classicVariant } from './classic.ts';
import { TRAITS_6_3 } from './linux-6.3.ts';
import { mainlineProfile } from './mainline.ts';

export const TRAITS_6_15: ClassicTraits = { ...TRAITS_6_3, clearsStalePointer: true };

export const LINUX_6_15 = mainlineProfile({
  version: '6.15',
  era: 'mainline 6.15 to 6.17 (2025)',
  differences: [
    'registering clears a stale rseq_cs; an area that cannot be read is EFAULT, a null one too',
  ],
  sources: ['fd881d0a085f (2025): rseq_cs at registration; kernel/rseq.c of Linux 6.15'],
  inferred: ['the release: the change is from early 2025, and went to stable series too'],
  rseq: classicVariant(TRAITS_6_15, { debug: false }),
  options: { debug: classicVariant(TRAITS_6_15, { debug: true }) },
});
