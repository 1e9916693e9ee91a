import { RESOURCE_LIMITS, type ResourceLimit } from '../abi/resource.ts';
import { PAGE_SIZE, TASK_SIZE_WORD } from '../hardware/address.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';
import { randomBytes } from './random.ts';
import { copyFrom, copyTo } from './user-access.ts';

const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
const GRND_ALL = 7;
/** More than this is cut off (MAX_RW_COUNT). */
const RANDOM_LIMIT_BYTES = 0x7fff_f000n;
/** Each member of struct new_utsname. */
const UTSNAME_MEMBER_BYTES = 65;
const RLIMIT_BYTES = 16;

/** Mirrors drivers/char/random.c: what is written before a fault counts. */
function sysGetrandom(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { state, memory } = context;
  const flags = toUint32(args[2]);
  if ((flags & ~GRND_ALL) !== 0) return fails('EINVAL');
  if ((flags & GRND_RANDOM) !== 0 && (flags & GRND_INSECURE) !== 0) return fails('EINVAL');
  const [start] = args;
  const length = args[1] < RANDOM_LIMIT_BYTES ? args[1] : RANDOM_LIMIT_BYTES;
  if (start + length > TASK_SIZE_WORD) return fails('EFAULT');
  let done = 0n;
  while (done < length) {
    const roomInPage = BigInt(PAGE_SIZE) - ((start + done) % BigInt(PAGE_SIZE));
    const rest = length - done;
    const bytes = randomBytes(state, Number(rest < roomInPage ? rest : roomInPage));
    if (!copyTo(memory, start + done, bytes)) break;
    done += BigInt(bytes.length);
  }
  return done === 0n && length > 0n ? fails('EFAULT') : returns(done);
}

function sysUname({ memory, profile }: SyscallContext, args: SyscallArguments): SyscallResult {
  const members = ['Linux', 'rseq-testbed', profile.release, '#1 SMP', 'x86_64', '(none)'];
  const bytes = new Uint8Array(members.length * UTSNAME_MEMBER_BYTES);
  members.forEach((member, index) => {
    const text = new TextEncoder().encode(member).subarray(0, UTSNAME_MEMBER_BYTES - 1);
    bytes.set(text, index * UTSNAME_MEMBER_BYTES);
  });
  return copyTo(memory, args[0], bytes) ? returns(0) : fails('EFAULT');
}

function encodeLimit(limit: ResourceLimit): Uint8Array {
  const bytes = new Uint8Array(RLIMIT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, limit.current, true);
  view.setBigUint64(8, limit.maximum, true);
  return bytes;
}

function sysGetrlimit({ memory }: SyscallContext, args: SyscallArguments): SyscallResult {
  const limit = RESOURCE_LIMITS[toUint32(args[0])];
  if (limit === undefined) return fails('EINVAL');
  return copyTo(memory, args[1], encodeLimit(limit)) ? returns(0) : fails('EFAULT');
}

/** Mirrors kernel/sys.c, SYSCALL_DEFINE4(prlimit64), checks in its order. */
function sysPrlimit64(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { state, memory } = context;
  const [, , newLimit, oldLimit] = args;
  if (newLimit !== 0n && copyFrom(memory, newLimit, RLIMIT_BYTES) === undefined) {
    return fails('EFAULT');
  }
  const pid = toInt32(args[0]);
  const isLive = state.tasks.some((task) => task.tid === pid && task.state.kind !== 'dead');
  if (pid !== 0 && !isLive) return fails('ESRCH');
  const limit = RESOURCE_LIMITS[toUint32(args[1])];
  if (limit === undefined) return fails('EINVAL');
  if (newLimit !== 0n) return { kind: 'unsupported', detail: 'setting a limit' };
  if (oldLimit === 0n) return returns(0);
  return copyTo(memory, oldLimit, encodeLimit(limit)) ? returns(0) : fails('EFAULT');
}

export const getrandom: SyscallEntry = {
  name: 'getrandom',
  parameters: parameters({ ubuf: 'pointer', len: 'size', flags: 'hex' }),
  support: 'full',
  note: 'the bytes come from --seed',
  handler: sysGetrandom,
};

export const uname: SyscallEntry = {
  name: 'uname',
  parameters: parameters({ name: 'pointer' }),
  support: 'full',
  note: 'the release is that of the kernel profile',
  handler: sysUname,
};

export const getrlimit: SyscallEntry = {
  name: 'getrlimit',
  parameters: parameters({ resource: 'uint', rlim: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysGetrlimit,
};

export const prlimit64: SyscallEntry = {
  name: 'prlimit64',
  parameters: parameters({
    pid: 'int',
    resource: 'uint',
    new_rlim: 'pointer',
    old_rlim: 'pointer',
  }),
  support: 'partial',
  note: 'reads limits, cannot set them',
  handler: sysPrlimit64,
};
