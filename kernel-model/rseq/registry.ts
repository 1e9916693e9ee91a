import { DESNOYERS_2016A } from './historical/desnoyers-2016a.ts';
import { DESNOYERS_2016B } from './historical/desnoyers-2016b.ts';
import { GETCPU_CACHE } from './historical/getcpu-cache.ts';
import { LUTOMIRSKI_2016 } from './historical/lutomirski-2016.ts';
import { RFC_2017 } from './historical/rfc-2017.ts';
import { THREAD_LOCAL_ABI } from './historical/thread-local-abi.ts';
import { TURNER_V1 } from './historical/turner-v1.ts';
import { TURNER_V2 } from './historical/turner-v2.ts';
import { LINUX_6_18 } from './linux-6.18.ts';
import type { KernelProfile } from './variant.ts';

/** Every kernel that `--kernel` knows; the keys type the option. */
export const PROFILES = {
  'turner-v1': TURNER_V1,
  'turner-v2': TURNER_V2,
  'getcpu-cache': GETCPU_CACHE,
  'thread-local-abi': THREAD_LOCAL_ABI,
  'lutomirski-2016': LUTOMIRSKI_2016,
  'desnoyers-2016a': DESNOYERS_2016A,
  'desnoyers-2016b': DESNOYERS_2016B,
  'rfc-2017': RFC_2017,
  'linux-6.18': LINUX_6_18,
} as const satisfies Record<string, KernelProfile>;

export type ProfileName = keyof typeof PROFILES;

export const PROFILE_NAMES = Object.keys(PROFILES) as ProfileName[];

/** Resolves a `--kernel` value, a name or an alias; `undefined` if there is no such profile. */
export function findProfile(name: string): KernelProfile | undefined {
  return Object.values<KernelProfile>(PROFILES).find(
    (profile) => profile.name === name || profile.aliases.includes(name),
  );
}
