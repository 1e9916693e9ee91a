import type { Errno } from '../abi/errno.ts';
import { FUTEX_WORD_BYTES } from '../abi/futex.ts';
import { type GuestAddress, toGuestAddress } from '../hardware/address.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { sharedKey } from '../task/futex-key.ts';
import type { FutexKey } from '../task/task.ts';
import type { SyscallContext } from './context.ts';

/** Names the futex at a word (get_futex_key). A private one need not be mapped for that. */
export function makeKey(
  { memory, process }: SyscallContext,
  word: bigint,
  options: { readonly isPrivate: boolean; readonly access: 'read' | 'write' },
): FutexKey | Errno {
  if (word % BigInt(FUTEX_WORD_BYTES) !== 0n) return 'EINVAL';
  const address = toGuestAddress(word);
  if (address === undefined) return 'EFAULT';
  const shared = !options.isPrivate;
  if (shared && !isReachable(memory.space, address, options.access)) return 'EFAULT';
  return shared
    ? sharedKey(memory.space, process.space, address)
    : { space: process.space, object: 0, address, shared };
}

/** get_user_pages_fast for writing, else for reading, where private anonymous memory is refused. */
function isReachable(
  space: AddressSpace,
  address: GuestAddress,
  access: 'read' | 'write',
): boolean {
  if (space.resolveFault(address, 'write') === undefined) return true;
  if (access === 'write' || space.resolveFault(address, 'read') !== undefined) return false;
  const mapping = space.mappingAt(address);
  return mapping !== undefined && (mapping.shared || mapping.isImage === true);
}
