import { TRAITS_7_0 } from './linux-7.0.ts';
import { mainlineProfile } from './mainline.ts';
import { type RewrittenTraits, rewrittenVariant } from './rewritten.ts';

const TRAITS_7_1: RewrittenTraits = {
  ...TRAITS_7_0,
  unregisteredCpuIdStart: 0,
  slices: 'v2',
  hasLegacyMode: true,
};

const PLAIN = { debug: false, evaluatesLegacyAlways: false };

export const LINUX_7_1 = mainlineProfile({
  version: '7.1',
  era: 'mainline 7.1 (from May 2026), and stable kernels that took the change',
  differences: [
    'an area of 32 bytes is legacy: its ids are rewritten at every switch, signal and membarrier',
    'a longer area is version 2: ids are written as in 7.0, and user code that changed them is killed',
    'only version 2 has time slices, and only there are bytes from 28 on written',
    'unregistering leaves cpu_id_start 0 again',
  ],
  sources: [
    'b9eac6a9d93c and 22a92dbd6083 (May 2026)',
    'kernel/rseq.c, include/linux/rseq.h and include/linux/rseq_entry.h of Linux 7.1',
  ],
  inferred: [
    'sections of legacy areas are skipped after system calls, as the code does; the documentation ' +
      'reads as if they were not: --kernel 7.1+documented',
  ],
  mmCidScheme: 'owned',
  rseq: rewrittenVariant(TRAITS_7_1, PLAIN),
  options: {
    debug: rewrittenVariant(TRAITS_7_1, { ...PLAIN, debug: true }),
    documented: rewrittenVariant(TRAITS_7_1, { ...PLAIN, evaluatesLegacyAlways: true }),
  },
});
