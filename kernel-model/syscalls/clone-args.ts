import {
  CLONE,
  CLONE_ARGS,
  CLONE_LEGACY_FLAGS,
  CSIGNAL,
  LAST_SIGNAL,
  MAX_PID_NS_LEVEL,
} from '../abi/clone.ts';
import type { Errno } from '../abi/errno.ts';
import { PAGE_SIZE, TASK_SIZE_WORD } from '../hardware/address.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { ProcessRequest } from '../task/clone.ts';
import { copyFrom } from './user-access.ts';

/** struct kernel_clone_args, as far as the model uses it. */
export interface CloneRequest extends ProcessRequest {
  readonly parentTid: bigint;
  /** How many thread ids the caller chose itself. */
  readonly setTidCount: bigint;
}

const INT_MAX = 0x7fff_ffffn;
const CLONE3_FLAGS = CLONE_LEGACY_FLAGS | CLONE.CLEAR_SIGHAND | CLONE.INTO_CGROUP;
const TID_BYTES = 4;

/** copy_clone_args_from_user and clone3_args_valid, checks in their order. */
export function readCloneArgs(
  memory: UserMemory,
  pointer: bigint,
  size: bigint,
): CloneRequest | Errno {
  if (size > BigInt(PAGE_SIZE)) return 'E2BIG';
  if (size < BigInt(CLONE_ARGS.sizeVersion0)) return 'EINVAL';
  const bytes = copyFrom(memory, pointer, Number(size));
  if (bytes === undefined) return 'EFAULT';
  if (bytes.subarray(CLONE_ARGS.size).some((byte) => byte !== 0)) return 'E2BIG';
  const whole = new Uint8Array(CLONE_ARGS.size);
  whole.set(bytes.subarray(0, CLONE_ARGS.size));
  const view = new DataView(whole.buffer);
  const errno = checkMembers(memory, view, size) ?? checkCombinations(view);
  if (errno !== undefined) return errno;
  return {
    flags: word(view, 'flags'),
    stackPointer: word(view, 'stack') + word(view, 'stackSize'),
    parentTid: word(view, 'parentTid'),
    childTid: word(view, 'childTid'),
    tls: word(view, 'tls'),
    exitSignal: Number(word(view, 'exitSignal')),
    setTidCount: word(view, 'setTidSize'),
  };
}

function word(view: DataView, member: keyof typeof CLONE_ARGS): bigint {
  return view.getBigUint64(CLONE_ARGS[member], true);
}

function checkMembers(memory: UserMemory, view: DataView, size: bigint): Errno | undefined {
  const setTid = word(view, 'setTid');
  const setTidSize = word(view, 'setTidSize');
  if (setTidSize > MAX_PID_NS_LEVEL) return 'EINVAL';
  if ((setTid === 0n) !== (setTidSize === 0n)) return 'EINVAL';
  const exitSignal = word(view, 'exitSignal');
  if ((exitSignal & ~CSIGNAL) !== 0n || exitSignal > LAST_SIGNAL) return 'EINVAL';
  const intoCgroup = (word(view, 'flags') & CLONE.INTO_CGROUP) !== 0n;
  if (intoCgroup && (word(view, 'cgroup') > INT_MAX || size < BigInt(CLONE_ARGS.size))) {
    return 'EINVAL';
  }
  if (setTid === 0n) return undefined;
  const tids = copyFrom(memory, setTid, Number(setTidSize) * TID_BYTES);
  return tids === undefined ? 'EFAULT' : undefined;
}

function checkCombinations(view: DataView): Errno | undefined {
  const flags = word(view, 'flags');
  if ((flags & ~CLONE3_FLAGS) !== 0n) return 'EINVAL';
  if ((flags & (CLONE.DETACHED | (CSIGNAL & ~CLONE.NEWTIME))) !== 0n) return 'EINVAL';
  const handlers = CLONE.SIGHAND | CLONE.CLEAR_SIGHAND;
  if ((flags & handlers) === handlers) return 'EINVAL';
  const hasParentsSignal = (flags & (CLONE.THREAD | CLONE.PARENT)) !== 0n;
  if (hasParentsSignal && word(view, 'exitSignal') !== 0n) return 'EINVAL';
  return isStackValid(word(view, 'stack'), word(view, 'stackSize')) ? undefined : 'EINVAL';
}

/** clone3_stack_valid. */
function isStackValid(stack: bigint, size: bigint): boolean {
  if (stack === 0n) return size === 0n;
  return size !== 0n && stack + size <= TASK_SIZE_WORD;
}
