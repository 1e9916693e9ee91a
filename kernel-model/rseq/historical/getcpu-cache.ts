import { toGuestAddress } from '../../hardware/address.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import { getU64, putU64 } from '../../syscalls/user-access.ts';
import type { KernelProfile, RseqVariant } from '../variant.ts';
import { cpuNumberOnly } from './cpu-number.ts';
import { isUserRange } from './parts.ts';

const SYS_GETCPU_CACHE = 327;
const COMMAND = { get: 0, set: 1 } as const;
const CACHE_BYTES = 4;

/**
 * Desnoyers' getcpu_cache (December 2015 to February 2016): a thread registers a 32-bit word that the
 * kernel keeps its CPU number in, and nothing is ever aborted. Mirrors kernel/getcpu_cache.c of
 * sbourdelin/linux at 13dacab8; see `inferred` below for what it does not say.
 */
const variant: RseqVariant = {
  ...cpuNumberOnly(0),
  auxv: undefined,
  syscalls: {
    [SYS_GETCPU_CACHE]: {
      name: 'getcpu_cache',
      parameters: parameters({ cmd: 'int', cpu_cache: 'pointer', flags: 'hex' }),
      support: 'full',
      note: '',
      handler: getcpuCache,
    } satisfies SyscallEntry,
  },
};

function getcpuCache(context: SyscallContext, args: SyscallArguments): SyscallResult {
  if (toInt32(args[2]) !== 0) return fails('EINVAL');
  switch (toInt32(args[0])) {
    case COMMAND.get:
      return get(context, args[1]);
    case COMMAND.set:
      return set(context, args[1]);
    default:
      return fails('EINVAL');
  }
}

function get({ task, memory }: SyscallContext, result: bigint): SyscallResult {
  if (task.rseq === undefined) return fails('ENOENT');
  return putU64(memory, result, BigInt(task.rseq.address)) ? returns(0) : fails('EFAULT');
}

function set({ task, memory }: SyscallContext, pointer: bigint): SyscallResult {
  const word = getU64(memory, pointer);
  if (word === undefined) return fails('EFAULT');
  if (word === 0n || word % BigInt(CACHE_BYTES) !== 0n) return fails('EINVAL');
  if (task.rseq !== undefined) {
    return BigInt(task.rseq.address) === word ? returns(0) : fails('EBUSY');
  }
  const address = toGuestAddress(word);
  if (address === undefined || !isUserRange(word, CACHE_BYTES)) return fails('EFAULT');
  if (!memory.writeU32(address, task.vcpu)) return fails('EFAULT');
  task.rseq = { address, lengthBytes: CACHE_BYTES, signature: 0 };
  return returns(0);
}

export const GETCPU_CACHE: KernelProfile = {
  name: 'getcpu-cache',
  era: 'Desnoyers, December 2015 to February 2016',
  aliases: [],
  differences: [
    'the kernel keeps the CPU number in a 32-bit word of a thread; nothing is ever aborted',
    'updates commit with LOCK-prefixed instructions, on whatever CPU they end up',
    'the word is written when the thread was migrated, not at every resume',
  ],
  sources: [
    'kernel/getcpu_cache.c of sbourdelin/linux at 13dacab8',
    'docs/abi/historical.md, getcpu-cache',
  ],
  inferred: [
    'the call has number 327, after the 326 of Linux 4.5; GET is 0 and SET 1',
    'the new word is written in the call itself',
    'threads are unregistered, children of fork registered (a source says inherited by fork)',
  ],
  release: '4.5.0-rseq-testbed',
  lastSyscall: 326,
  scheme: 'getcpu-cache',
  rseq: variant,
};
