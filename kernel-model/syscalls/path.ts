import { toGuestAddress } from '../hardware/address.ts';
import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from './context.ts';
import { parameters } from './parameters.ts';

const PATH_MAX_BYTES = 4096;
/** A path to the root directory, which is not a link. */
const ROOT = /^[/.]*$/;

/**
 * Mirrors do_readlinkat (fs/stat.c) over an empty root directory, /proc included: start-up code of C
 * libraries asks for /proc/self/exe and goes on without it.
 */
function sysReadlink(context: SyscallContext, args: SyscallArguments): SyscallResult {
  if (toInt32(args[2]) <= 0) return fails('EINVAL');
  const address = toGuestAddress(args[0]);
  const path =
    address === undefined ? undefined : context.memory.readString(address, PATH_MAX_BYTES);
  if (path === undefined) return fails('EFAULT');
  return fails(path !== '' && ROOT.test(path) ? 'EINVAL' : 'ENOENT');
}

export const readlink: SyscallEntry = {
  name: 'readlink',
  parameters: parameters({ path: 'string', buf: 'buffer', bufsiz: 'int' }),
  support: 'partial',
  note: 'the guest sees an empty root directory, without /proc',
  handler: sysReadlink,
};
