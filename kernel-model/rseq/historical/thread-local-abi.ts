import { toGuestAddress } from '../../hardware/address.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import type { KernelProfile, RseqVariant } from '../variant.ts';
import { cpuNumberOnly } from './cpu-number.ts';
import { isUserRange } from './parts.ts';

const SYS_THREAD_LOCAL_ABI = 329;
const FEATURE_CPU_ID = 1;
/** struct thread_local_abi: byte offsets; aligned to its size. */
const AREA = { features: 0, cpuId: 4, size: 64 } as const;

/**
 * Desnoyers' thread_local_abi (spring 2016): getcpu_cache as the first feature of an extensible area.
 * Mirrors kernel/thread_local_abi.c of sbourdelin/linux at 2ffa0fe1; see `inferred` below for what it
 * does not say.
 */
const variant: RseqVariant = {
  ...cpuNumberOnly(AREA.cpuId),
  auxv: undefined,
  syscalls: {
    [SYS_THREAD_LOCAL_ABI]: {
      name: 'thread_local_abi',
      parameters: parameters({
        tlabi_nr: 'uint',
        tlap: 'pointer',
        feature_mask: 'hex',
        flags: 'hex',
      }),
      support: 'full',
      note: '',
      handler: threadLocalAbi,
    } satisfies SyscallEntry,
  },
};

function threadLocalAbi(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, memory } = context;
  const pointer = args[1];
  const wanted = toUint32(args[2]);
  if (toUint32(args[0]) !== 0 || toInt32(args[3]) !== 0) return fails('EINVAL');
  if ((wanted & ~FEATURE_CPU_ID) !== 0) return fails('EINVAL');
  if (pointer === 0n) return task.rseq === undefined ? fails('ENOENT') : returns(0);
  const isRegistered = task.rseq !== undefined;
  if (task.rseq !== undefined && BigInt(task.rseq.address) !== pointer) return fails('EBUSY');
  if (pointer % BigInt(AREA.size) !== 0n) return fails('EINVAL');
  const address = toGuestAddress(pointer);
  if (address === undefined || !isUserRange(pointer, AREA.size)) return fails('EFAULT');
  const present = isRegistered ? memory.readU32(address + AREA.features) : 0;
  if (present === undefined) return fails('EFAULT');
  const features = (present | wanted) >>> 0;
  if (!memory.writeU32Pair(address, features, task.vcpu)) return fails('EFAULT');
  task.rseq = { address, lengthBytes: AREA.size, signature: 0 };
  return returns(0);
}

export const THREAD_LOCAL_ABI: KernelProfile = {
  name: 'thread-local-abi',
  era: 'Desnoyers, spring 2016',
  aliases: [],
  differences: [
    'an extensible area of 64 bytes, aligned to 64, tells the CPU number; nothing is ever aborted',
    'features are asked for by a mask, and added to those of earlier calls',
    'otherwise as getcpu-cache',
  ],
  sources: [
    'kernel/thread_local_abi.c, uapi/linux/thread_local_abi.h of sbourdelin/linux at 2ffa0fe1',
    'docs/abi/historical.md, thread-local-abi',
  ],
  inferred: [
    'the call has number 329, after the 328 of Linux 4.6; the CPU number is feature bit 0',
    'NULL in a registered thread returns 0',
    'the features are kept in the area, and the CPU number is written in the call itself',
    'threads are unregistered, children of fork registered',
  ],
  release: '4.6.0-rseq-testbed',
  lastSyscall: 328,
  scheme: 'thread-local-abi',
  rseq: variant,
};
