import { SA, SIGACTION, SIGNAL_MAX, SIGSET_BYTES, STACK_T } from '../abi/signal.ts';
import { changeStack, decodeStack, encodeStack } from '../signal/alternate-stack.ts';
import { dropPending, isIgnored } from '../signal/send.ts';
import { hasSignal, signalSet, UNCATCHABLE } from '../signal/signal-set.ts';
import { actionOf, type SignalAction, withAction } from '../signal/signal-state.ts';
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
import { copyFrom, copyTo } from './user-access.ts';

/** UAPI_SA_FLAGS: other bits are cleared, so that programs can tell that they mean nothing. */
const KNOWN_FLAGS = Object.values(SA).reduce((flags, flag) => (flags | flag) >>> 0, 0);

/** Mirrors SYSCALL_DEFINE4(rt_sigaction) and do_sigaction (kernel/signal.c). */
function sysRtSigaction(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { process, memory } = context;
  const [, newPointer, oldPointer, setBytes] = args;
  if (setBytes !== BigInt(SIGSET_BYTES)) return fails('EINVAL');
  const bytes = newPointer === 0n ? undefined : copyFrom(memory, newPointer, SIGACTION.size);
  if (newPointer !== 0n && bytes === undefined) return fails('EFAULT');
  const signal = toInt32(args[0]);
  if (signal < 1 || signal > SIGNAL_MAX) return fails('EINVAL');
  if (bytes !== undefined && hasSignal(UNCATCHABLE, signal)) return fails('EINVAL');
  const old = actionOf(process.signals, signal);
  if (bytes !== undefined) {
    process.signals = withAction(process.signals, signal, decodeAction(bytes));
    if (isIgnored(process, signal)) dropPending(context, process, signalSet(signal));
  }
  if (oldPointer === 0n) return returns(0);
  return copyTo(memory, oldPointer, encodeAction(old)) ? returns(0) : fails('EFAULT');
}

function decodeAction(bytes: Uint8Array): SignalAction {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    handler: view.getBigUint64(SIGACTION.handler, true),
    flags: (view.getUint32(SIGACTION.flags, true) & KNOWN_FLAGS) >>> 0,
    restorer: view.getBigUint64(SIGACTION.restorer, true),
    mask: view.getBigUint64(SIGACTION.mask, true) & ~UNCATCHABLE,
  };
}

function encodeAction(action: SignalAction): Uint8Array {
  const bytes = new Uint8Array(SIGACTION.size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(SIGACTION.handler, action.handler, true);
  view.setBigUint64(SIGACTION.flags, BigInt(action.flags), true);
  view.setBigUint64(SIGACTION.restorer, action.restorer, true);
  view.setBigUint64(SIGACTION.mask, action.mask, true);
  return bytes;
}

/** Mirrors SYSCALL_DEFINE2(sigaltstack). */
function sysSigaltstack(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { task, memory, registers } = context;
  const [newPointer, oldPointer] = args;
  const bytes = newPointer === 0n ? undefined : copyFrom(memory, newPointer, STACK_T.size);
  if (newPointer !== 0n && bytes === undefined) return fails('EFAULT');
  const old = task.signals.altStack;
  const sp = registers.read('rsp');
  const shown = encodeStack(old, sp);
  if (bytes !== undefined) {
    const altStack = changeStack(old, decodeStack(bytes), sp);
    if (typeof altStack === 'string') return fails(altStack);
    task.signals = { ...task.signals, altStack };
  }
  return oldPointer === 0n || copyTo(memory, oldPointer, shown) ? returns(0) : fails('EFAULT');
}

export const rtSigaction: SyscallEntry = {
  name: 'rt_sigaction',
  parameters: parameters({ sig: 'int', act: 'pointer', oact: 'pointer', sigsetsize: 'size' }),
  support: 'full',
  note: '',
  handler: sysRtSigaction,
};

export const sigaltstack: SyscallEntry = {
  name: 'sigaltstack',
  parameters: parameters({ uss: 'pointer', uoss: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysSigaltstack,
};
