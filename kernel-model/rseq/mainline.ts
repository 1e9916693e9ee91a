import { type LinuxVersion, parseVersion } from '../abi/linux-version.ts';
import { membarrierCommandsOf } from '../abi/membarrier.ts';
import { syscallsOf } from '../abi/syscall-versions.ts';
import { assert } from '../assert.ts';
import type { KernelProfile } from './variant.ts';

/** What a mainline profile states of itself; all else follows from the release. */
export type MainlineProfile = Pick<
  KernelProfile,
  'era' | 'differences' | 'sources' | 'inferred' | 'rseq' | 'options' | 'mmCidScheme'
> & {
  /** Its first release, as `6.3`. */
  readonly version: string;
};

/** The profile of a mainline kernel as it was in its first release. */
export function mainlineProfile({ version, ...stated }: MainlineProfile): KernelProfile {
  const parsed = parseVersion(version);
  assert(parsed !== undefined, 'a version');
  const name = `linux-${version}`;
  const aliases = [version, `v${version}`];
  return { ...stated, name, aliases, scheme: 'mainline', ...releaseOf(parsed) };
}

/** What a program can tell of a release besides rseq: its name and the system calls it has. */
export function releaseOf(
  version: LinuxVersion,
): Pick<KernelProfile, 'release' | 'lastSyscall' | 'absentSyscalls' | 'membarrierCommands'> {
  const { last, absent } = syscallsOf(version);
  return {
    release: `${version.major}.${version.minor}.0-rseq-testbed`,
    lastSyscall: last,
    absentSyscalls: absent,
    membarrierCommands: membarrierCommandsOf(version),
  };
}
