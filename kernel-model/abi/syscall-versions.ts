import { isAtLeast, type LinuxVersion } from './linux-version.ts';

/** The last number of Linux 4.18, which added io_pgetevents and rseq. */
const LAST_OF_4_18 = 334;

/**
 * The numbers that each release after 4.18 gave to x86-64: they were not always handed out in order.
 * docs/abi/mainline.md has the source of each line.
 */
const ADDED_SINCE: readonly (readonly [version: string, numbers: readonly number[]])[] = [
  ['5.1', [424, 425, 426, 427]],
  ['5.2', [428, 429, 430, 431, 432, 433]],
  ['5.3', [434, 435]],
  ['5.6', [437, 438]],
  ['5.8', [439]],
  ['5.9', [436]],
  ['5.10', [440]],
  ['5.11', [441]],
  ['5.12', [442]],
  ['5.13', [444, 445, 446]],
  ['5.14', [443, 447]],
  ['5.15', [448]],
  ['5.16', [449]],
  ['5.17', [450]],
  ['6.5', [451]],
  ['6.6', [452, 453]],
  ['6.7', [454, 455, 456]],
  ['6.8', [457, 458, 459, 460, 461]],
  ['6.10', [462]],
  ['6.11', [335]],
  ['6.13', [463, 464, 465, 466]],
  ['6.15', [467]],
  ['6.17', [468, 469]],
  ['6.18', [336]],
  ['6.19', [470]],
  ['7.0', [471]],
];

/** The releases that added system calls, and which. */
export const SYSCALL_RELEASES: ReadonlyMap<string, readonly number[]> = new Map(ADDED_SINCE);

/** What a release's system call table has: its highest number, and those below it that came later. */
export interface SyscallRange {
  readonly last: number;
  readonly absent: ReadonlySet<number>;
}

/** The system calls of a mainline release from 4.18 on. */
export function syscallsOf(version: LinuxVersion): SyscallRange {
  const isThere = ([since]: (typeof ADDED_SINCE)[number]) => isAtLeast(version, since);
  const last = Math.max(
    LAST_OF_4_18,
    ...ADDED_SINCE.filter(isThere).flatMap(([, numbers]) => numbers),
  );
  const later = ADDED_SINCE.filter((entry) => !isThere(entry)).flatMap(([, numbers]) => numbers);
  return { last, absent: new Set(later.filter((number) => number < last)) };
}
