import { SIG_HOW, SIGSET_BYTES } from '../abi/signal.ts';
import { setSignalMask } from '../signal/mask.ts';
import { setOf } from '../signal/pending.ts';
import { returnFromHandler } from '../signal/return.ts';
import { type SignalSet, UNCATCHABLE } from '../signal/signal-set.ts';
import type { BlockedState } from '../task/task.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
} from './context.ts';
import { parameters } from './parameters.ts';
import { copyTo, getU64, putU64 } from './user-access.ts';

/** A task that waits for a handler to run. */
const PAUSED: BlockedState = {
  kind: 'blocked',
  wait: { kind: 'pause' },
  deadline: Number.POSITIVE_INFINITY,
  timeoutResult: 0n,
};

/** Mirrors SYSCALL_DEFINE4(rt_sigprocmask): the old mask is told even where telling it fails. */
function sysRtSigprocmask(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, memory } = context;
  const [, newPointer, oldPointer, setBytes] = args;
  if (setBytes !== BigInt(SIGSET_BYTES)) return fails('EINVAL');
  const old = task.signals.mask;
  if (newPointer !== 0n) {
    const given = getU64(memory, newPointer);
    if (given === undefined) return fails('EFAULT');
    const mask = combine(toInt32(args[0]), old, given & ~UNCATCHABLE);
    if (mask === undefined) return fails('EINVAL');
    setSignalMask(context, task, mask);
  }
  return oldPointer === 0n || putU64(memory, oldPointer, old) ? returns(0) : fails('EFAULT');
}

function combine(how: number, old: SignalSet, given: SignalSet): SignalSet | undefined {
  switch (how) {
    case SIG_HOW.BLOCK:
      return old | given;
    case SIG_HOW.UNBLOCK:
      return old & ~given;
    case SIG_HOW.SETMASK:
      return given;
    default:
      return undefined;
  }
}

/** Mirrors SYSCALL_DEFINE2(rt_sigpending): as many bytes of the set as asked for. */
function sysRtSigpending(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, process, memory } = context;
  if (args[1] > BigInt(SIGSET_BYTES)) return fails('EINVAL');
  const pending = setOf(task.signals.pending) | setOf(process.signals.pending);
  const bytes = new Uint8Array(SIGSET_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, pending & task.signals.mask, true);
  const wanted = bytes.subarray(0, Number(args[1]));
  return copyTo(memory, args[0], wanted) ? returns(0) : fails('EFAULT');
}

/** Mirrors SYSCALL_DEFINE2(rt_sigsuspend): the mask comes back with the handler's return. */
function sysRtSigsuspend(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, memory } = context;
  if (args[1] !== BigInt(SIGSET_BYTES)) return fails('EINVAL');
  const mask = getU64(memory, args[0]);
  if (mask === undefined) return fails('EFAULT');
  const savedMask = task.signals.mask;
  setSignalMask(context, task, mask);
  task.signals = { ...task.signals, savedMask };
  return { kind: 'block', state: PAUSED };
}

function sysPause(): SyscallResult {
  return { kind: 'block', state: PAUSED };
}

function sysRtSigreturn(context: SyscallContext): SyscallResult {
  const left = returnFromHandler(context, context);
  return left === undefined ? { kind: 'restored' } : { kind: 'unsupported', detail: left };
}

export const rtSigprocmask: SyscallEntry = {
  name: 'rt_sigprocmask',
  parameters: parameters({ how: 'int', nset: 'pointer', oset: 'pointer', sigsetsize: 'size' }),
  support: 'full',
  note: '',
  handler: sysRtSigprocmask,
};

export const rtSigpending: SyscallEntry = {
  name: 'rt_sigpending',
  parameters: parameters({ uset: 'pointer', sigsetsize: 'size' }),
  support: 'full',
  note: '',
  handler: sysRtSigpending,
};

export const rtSigsuspend: SyscallEntry = {
  name: 'rt_sigsuspend',
  parameters: parameters({ unewset: 'pointer', sigsetsize: 'size' }),
  support: 'full',
  note: '',
  handler: sysRtSigsuspend,
};

export const pause: SyscallEntry = {
  name: 'pause',
  parameters: [],
  support: 'full',
  note: '',
  handler: sysPause,
};

export const rtSigreturn: SyscallEntry = {
  name: 'rt_sigreturn',
  parameters: [],
  support: 'partial',
  note: 'floating-point state as a CPU without XSAVE has it; no trap flag, no 32-bit code',
  handler: sysRtSigreturn,
};
