import { isAtLeast, type LinuxVersion } from './linux-version.ts';

/** Commands of membarrier(2): include/uapi/linux/membarrier.h. */
export const MEMBARRIER = {
  QUERY: 0,
  GLOBAL: 1,
  GLOBAL_EXPEDITED: 2,
  REGISTER_GLOBAL_EXPEDITED: 4,
  PRIVATE_EXPEDITED: 8,
  REGISTER_PRIVATE_EXPEDITED: 16,
  PRIVATE_EXPEDITED_SYNC_CORE: 32,
  REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: 64,
  PRIVATE_EXPEDITED_RSEQ: 128,
  REGISTER_PRIVATE_EXPEDITED_RSEQ: 256,
  GET_REGISTRATIONS: 512,
} as const;

/** The commands of Linux 4.3, which had no other. */
export const MEMBARRIER_FIRST_COMMANDS = MEMBARRIER.GLOBAL;

/** Commands by the release that added them (kernel/sched/membarrier.c and its uapi header). */
const ADDED_SINCE: readonly (readonly [version: string, commands: number])[] = [
  ['4.3', MEMBARRIER.GLOBAL],
  ['4.14', MEMBARRIER.PRIVATE_EXPEDITED | MEMBARRIER.REGISTER_PRIVATE_EXPEDITED],
  [
    '4.16',
    MEMBARRIER.GLOBAL_EXPEDITED |
      MEMBARRIER.REGISTER_GLOBAL_EXPEDITED |
      MEMBARRIER.PRIVATE_EXPEDITED_SYNC_CORE |
      MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
  ],
  ['5.10', MEMBARRIER.PRIVATE_EXPEDITED_RSEQ | MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_RSEQ],
  ['6.3', MEMBARRIER.GET_REGISTRATIONS],
];

/** What MEMBARRIER_CMD_QUERY answers in a release: a mask of the commands it has. */
export function membarrierCommandsOf(version: LinuxVersion): number {
  return ADDED_SINCE.filter(([since]) => isAtLeast(version, since)).reduce(
    (mask, [, commands]) => mask | commands,
    0,
  );
}

/** For PRIVATE_EXPEDITED_RSEQ: only the CPU in the third argument. */
export const MEMBARRIER_CMD_FLAG_CPU = 1;
