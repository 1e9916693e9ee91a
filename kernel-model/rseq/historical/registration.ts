import { toGuestAddress } from '../../hardware/address.ts';
import { fails, returns, type SyscallContext, type SyscallResult } from '../../syscalls/context.ts';
import { isUserRange } from './parts.ts';

/** What a system call demands of a thread's area. */
export interface AreaShape {
  readonly lengthBytes: number;
  readonly alignBytes: number;
}

/**
 * Registers a thread's area for good, as the calls of 2016 did: NULL asks whether one is registered
 * (0 or ENOENT), the same address again is 0 and another one EBUSY. Mirrors sys_rseq(ptr, flags) of
 * mid 2016 (docs/abi/historical.md, B4b); nothing can be unregistered.
 */
export function registerForGood(
  context: SyscallContext,
  pointer: bigint,
  shape: AreaShape,
): SyscallResult {
  const { task } = context;
  if (pointer === 0n) return task.rseq === undefined ? fails('ENOENT') : returns(0);
  if (task.rseq !== undefined) {
    return BigInt(task.rseq.address) === pointer ? returns(0) : fails('EBUSY');
  }
  if (pointer % BigInt(shape.alignBytes) !== 0n) return fails('EINVAL');
  const address = toGuestAddress(pointer);
  if (address === undefined || !isUserRange(pointer, shape.lengthBytes)) return fails('EFAULT');
  task.rseq = { address, lengthBytes: shape.lengthBytes, signature: 0 };
  task.notifyResume = true;
  return returns(0);
}
