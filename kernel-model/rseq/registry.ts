import { BROKEN_FENCE_LOST } from './broken-fence-lost.ts';
import { BROKEN_NO_PREEMPT_ABORT } from './broken-no-preempt-abort.ts';
import { DESNOYERS_2016A } from './historical/desnoyers-2016a.ts';
import { DESNOYERS_2016B } from './historical/desnoyers-2016b.ts';
import { GETCPU_CACHE } from './historical/getcpu-cache.ts';
import { LUTOMIRSKI_2016 } from './historical/lutomirski-2016.ts';
import { RFC_2017 } from './historical/rfc-2017.ts';
import { THREAD_LOCAL_ABI } from './historical/thread-local-abi.ts';
import { TURNER_V1 } from './historical/turner-v1.ts';
import { TURNER_V2 } from './historical/turner-v2.ts';
import { LINUX_4_18 } from './linux-4.18.ts';
import { LINUX_5_5 } from './linux-5.5.ts';
import { LINUX_6_0 } from './linux-6.0.ts';
import { LINUX_6_3 } from './linux-6.3.ts';
import { LINUX_6_15 } from './linux-6.15.ts';
import { LINUX_6_18 } from './linux-6.18.ts';
import { LINUX_6_19 } from './linux-6.19.ts';
import { LINUX_7_0 } from './linux-7.0.ts';
import { LINUX_7_1 } from './linux-7.1.ts';
import type { KernelProfile } from './variant.ts';

/** Every kernel that `--kernel` knows by name; the keys type the option. */
export const PROFILES = {
  'turner-v1': TURNER_V1,
  'turner-v2': TURNER_V2,
  'getcpu-cache': GETCPU_CACHE,
  'thread-local-abi': THREAD_LOCAL_ABI,
  'lutomirski-2016': LUTOMIRSKI_2016,
  'desnoyers-2016a': DESNOYERS_2016A,
  'desnoyers-2016b': DESNOYERS_2016B,
  'rfc-2017': RFC_2017,
  'linux-4.18': LINUX_4_18,
  'linux-5.5': LINUX_5_5,
  'linux-6.0': LINUX_6_0,
  'linux-6.3': LINUX_6_3,
  'linux-6.15': LINUX_6_15,
  'linux-6.18': LINUX_6_18,
  'linux-6.19': LINUX_6_19,
  'linux-7.0': LINUX_7_0,
  'linux-7.1': LINUX_7_1,
  'broken-no-preempt-abort': BROKEN_NO_PREEMPT_ABORT,
  'broken-fence-lost': BROKEN_FENCE_LOST,
} as const satisfies Record<string, KernelProfile>;

export type ProfileName = keyof typeof PROFILES;

export const PROFILE_NAMES = Object.keys(PROFILES) as ProfileName[];
