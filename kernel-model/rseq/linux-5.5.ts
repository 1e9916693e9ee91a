import { CLONE } from '../abi/clone.ts';
import { type ClassicTraits, classicVariant } from './classic.ts';
import { TRAITS_4_18 } from './linux-4.18.ts';
import { mainlineProfile } from './mainline.ts';

export const TRAITS_5_5: ClassicTraits = {
  ...TRAITS_4_18,
  refusesUnregisterFlags: true,
  unregisteredBy: CLONE.VM,
};

export const LINUX_5_5 = mainlineProfile({
  version: '5.5',
  era: 'mainline 5.5 to 5.19 (2020-2022)',
  differences: [
    'unregistering with any other flag is EINVAL',
    'CLONE_VM leaves a child unregistered, that of vfork too',
    'asked for as 5.10 or later, membarrier has its rseq commands and MEMBARRIER_CMD_FLAG_CPU',
  ],
  sources: [
    '"[PATCH 0/3] rseq fixes for 5.5" (December 2019) and the pull request that carried it',
    'kernel/rseq.c of the 5.x stable series; kernel/sched/membarrier.c',
  ],
  inferred: [],
  rseq: classicVariant(TRAITS_5_5, { debug: false }),
  options: { debug: classicVariant(TRAITS_5_5, { debug: true }) },
});
