import { LINUX_6_18 } from './linux-6.18.ts';
import type { KernelProfile } from './variant.ts';

/** Every kernel that `--kernel` knows; the keys type the option. */
export const PROFILES = {
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
