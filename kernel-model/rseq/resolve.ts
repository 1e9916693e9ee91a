import { compareVersions, type LinuxVersion, parseVersion } from '../abi/linux-version.ts';
import { releaseOf } from './mainline.ts';
import { PROFILES } from './registry.ts';
import type { KernelProfile } from './variant.ts';

/** What a `--kernel` value means. */
export type KernelLookup =
  | { readonly kind: 'found'; readonly profile: KernelProfile }
  /** A release after the newest that is modelled, which stands in for it. */
  | { readonly kind: 'newer'; readonly profile: KernelProfile }
  /** A release from before rseq was merged. */
  | { readonly kind: 'older'; readonly oldest: KernelProfile }
  /** A kernel that has no such option; `options` are those that it has. */
  | { readonly kind: 'no-option'; readonly profile: KernelProfile; readonly options: string[] }
  | { readonly kind: 'unknown' };

/** `5.15`, `v5.15`, `linux-5.15`, `5.15.3-rc1`, each with an option: `6.18+debug`. */
const VERSION = /^(?:linux-|v)?(\d{1,3}\.\d{1,3})(?:\.\d{1,5})?(?:-rc\d{1,2})?$/;

/** The mainline profiles from the oldest to the newest, each with its first release. */
const MAINLINE = Object.values<KernelProfile>(PROFILES)
  .flatMap((profile) => {
    const version = parseVersion(profile.name.replace(/^linux-/, ''));
    return version === undefined ? [] : [{ profile, version }];
  })
  .toSorted((a, b) => compareVersions(a.version, b.version));

/**
 * Finds a kernel by its name, an alias or any mainline version, with an option after a `+`. A version
 * gives the profile in whose range it lies, with the release and the system calls of that version.
 */
export function resolveKernel(text: string): KernelLookup {
  const plus = text.indexOf('+');
  const found = plus < 0 ? findPlain(text) : findPlain(text.slice(0, plus));
  if (plus < 0 || !('profile' in found)) return found;
  const option = text.slice(plus + 1);
  const { profile } = found;
  const options = Object.keys(profile.options ?? {});
  if (!options.includes(option)) return { kind: 'no-option', profile, options };
  return { ...found, profile: withOption(profile, option) };
}

/** The kernel that a text stands for; `undefined` where none stands for exactly it. */
export function findProfile(text: string): KernelProfile | undefined {
  const found = resolveKernel(text);
  return found.kind === 'found' ? found.profile : undefined;
}

/** What `--kernel` takes to get exactly this kernel. */
export function selectorOf(profile: Pick<KernelProfile, 'name' | 'selector'>): string {
  return profile.selector ?? profile.name;
}

function withOption(profile: KernelProfile, option: string): KernelProfile {
  const rseq = profile.options?.[option] ?? profile.rseq;
  const selector = `${selectorOf(profile)}+${option}`;
  return { ...profile, name: `${profile.name}+${option}`, selector, rseq };
}

function findPlain(text: string): KernelLookup {
  for (const profile of Object.values<KernelProfile>(PROFILES)) {
    if (profile.name === text || profile.aliases.includes(text)) return { kind: 'found', profile };
  }
  const version = parseVersion(VERSION.exec(text)?.[1] ?? '');
  return version === undefined ? { kind: 'unknown' } : findVersion(version);
}

function findVersion(version: LinuxVersion): KernelLookup {
  const [oldest] = MAINLINE;
  const newest = MAINLINE.at(-1);
  const floor = MAINLINE.findLast((each) => compareVersions(each.version, version) <= 0);
  if (oldest === undefined || newest === undefined) return { kind: 'unknown' };
  if (floor === undefined) return { kind: 'older', oldest: oldest.profile };
  const { profile } = floor;
  if (compareVersions(floor.version, version) === 0) return { kind: 'found', profile };
  if (floor === newest) return { kind: 'newer', profile };
  const selector = `${version.major}.${version.minor}`;
  return { kind: 'found', profile: { ...profile, ...releaseOf(version), selector } };
}
