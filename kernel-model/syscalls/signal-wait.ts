import { ERRNO } from '../abi/errno.ts';
import { SIGSET_BYTES } from '../abi/signal.ts';
import { dequeueSignal } from '../signal/dequeue.ts';
import { encodeSignalInfo } from '../signal/siginfo.ts';
import { UNCATCHABLE } from '../signal/signal-set.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
} from './context.ts';
import { waitOnFutex } from './futex.ts';
import { parameters } from './parameters.ts';
import { sleepUntil } from './time.ts';
import { isValid, readTimespec, toDeadline, toNanoseconds } from './timespec.ts';
import { copyTo, getU64 } from './user-access.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Mirrors SYSCALL_DEFINE4(rt_sigtimedwait) and do_sigtimedwait (kernel/signal.c). */
function sysRtSigtimedwait(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, memory, state } = context;
  const [setPointer, infoAddress, timePointer, setBytes] = args;
  if (setBytes !== BigInt(SIGSET_BYTES)) return fails('EINVAL');
  const given = getU64(memory, setPointer);
  if (given === undefined) return fails('EFAULT');
  const time = timePointer === 0n ? undefined : readTimespec(memory, timePointer);
  if (timePointer !== 0n && time === undefined) return fails('EFAULT');
  if (time !== undefined && !isValid(time)) return fails('EINVAL');
  const set = given & ~UNCATCHABLE;
  const info = dequeueSignal(context, task, ~set);
  if (info !== undefined) {
    const isTold = infoAddress === 0n || copyTo(memory, infoAddress, encodeSignalInfo(info));
    return isTold ? returns(info.signal) : fails('EFAULT');
  }
  const length = time === undefined ? undefined : toNanoseconds(time);
  if (length === 0n) return fails('EAGAIN');
  const deadline = length === undefined ? NEVER : toDeadline(state.now, BigInt(state.now) + length);
  const wait = { kind: 'signal' as const, set, infoAddress };
  const timeoutResult = BigInt(-ERRNO.EAGAIN);
  return { kind: 'block', state: { kind: 'blocked', wait, deadline, timeoutResult } };
}

/** Goes on with what a signal interrupted (struct restart_block); by itself it means nothing. */
function sysRestartSyscall(context: SyscallContext): SyscallResult {
  const { restart } = context.task.signals;
  switch (restart.kind) {
    case 'none':
      return fails('EINTR');
    case 'sleep': {
      const { deadline, remainderAddress } = restart;
      const wait = { kind: 'sleep' as const, remainderAddress, isAbsolute: false };
      return { kind: 'block', state: sleepUntil(wait, deadline) };
    }
    case 'futex':
      return waitOnFutex(context, { ...restart, address: BigInt(restart.address) });
  }
}

export const rtSigtimedwait: SyscallEntry = {
  name: 'rt_sigtimedwait',
  parameters: parameters({
    uthese: 'pointer',
    uinfo: 'pointer',
    uts: 'pointer',
    sigsetsize: 'size',
  }),
  support: 'full',
  note: '',
  handler: sysRtSigtimedwait,
};

export const restartSyscall: SyscallEntry = {
  name: 'restart_syscall',
  parameters: [],
  support: 'full',
  note: '',
  handler: sysRestartSyscall,
};
