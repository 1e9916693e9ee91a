import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';

/** AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
const FLAGS = 0x1100;
const ATTRIBUTES_BYTES = 24n;
const PAGE_BYTES = 4096n;

/** Mirrors fs/file_attr.c as far as no file is needed. */
function checkArguments(_: SyscallContext, args: SyscallArguments): SyscallResult {
  const [, , , size, flags] = args;
  if ((toUint32(flags) & ~FLAGS) !== 0) return fails('EINVAL');
  if (size > PAGE_BYTES) return fails('E2BIG');
  if (size < ATTRIBUTES_BYTES) return fails('EINVAL');
  return { kind: 'unsupported', detail: 'attributes of a file' };
}

const common: Omit<SyscallEntry, 'name'> = {
  parameters: parameters({
    dfd: 'int',
    filename: 'string',
    ufattr: 'pointer',
    usize: 'size',
    at_flags: 'hex',
  }),
  support: 'partial',
  note: 'refuses wrong arguments; there are no files',
  handler: checkArguments,
};

export const fileGetattr: SyscallEntry = { ...common, name: 'file_getattr' };

export const fileSetattr: SyscallEntry = { ...common, name: 'file_setattr' };
