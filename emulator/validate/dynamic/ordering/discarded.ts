import { MADV, MAP } from '../../../../kernel-model/abi/mman.ts';
import type { Mapping } from '../../../../kernel-model/mm/mapping.ts';
import type { SyscallArguments, SyscallResult } from '../../../../kernel-model/syscalls/context.ts';

/** Addresses from `start` up to `end`. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The memory whose content a system call has thrown away; `undefined` for any other call. `mappings`
 * gives those that there are now.
 */
export function discardedBy(
  name: string,
  args: SyscallArguments,
  result: SyscallResult,
  mappings: () => readonly Mapping[],
): AddressRange | undefined {
  if (result.kind !== 'return' || result.value < 0n || !isDiscard(name, args)) return undefined;
  const start = Number(args[0]);
  const end = start + Number(args[1]);
  // What is shared outlives the advice.
  const isKept = ({ shared, start: from, end: to }: Mapping) => shared && from < end && to > start;
  return name === 'madvise' && mappings().some(isKept) ? undefined : { start, end };
}

function isDiscard(name: string, args: SyscallArguments): boolean {
  switch (name) {
    case 'munmap':
      return true;
    case 'madvise':
      return Number(args[2]) === MADV.DONTNEED;
    case 'mmap':
      return (Number(args[3]) & MAP.FIXED) !== 0;
    default:
      return false;
  }
}
