import { type ClassicTraits, classicVariant } from './classic.ts';
import { TRAITS_5_5 } from './linux-5.5.ts';
import { mainlineProfile } from './mainline.ts';

export const TRAITS_6_0: ClassicTraits = { ...TRAITS_5_5, flags: 'fatal' };

export const LINUX_6_0 = mainlineProfile({
  version: '6.0',
  era: 'mainline 6.0 to 6.2 (2022)',
  differences: [
    'flags other than zero, in the descriptor or in struct rseq, are fatal inside a section',
  ],
  sources: [
    'kernel/rseq.c of Linux 6.0 (c17a6ff93213 and its successor, August 2022)',
    'the scheduler pull request for 6.0; rseq(2) says 6.1',
  ],
  inferred: [],
  rseq: classicVariant(TRAITS_6_0, { debug: false }),
  options: { debug: classicVariant(TRAITS_6_0, { debug: true }) },
});
