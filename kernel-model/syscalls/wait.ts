import { WAIT, WAIT_ID } from '../abi/wait.ts';
import type { ChildSelector, ChildWait } from '../task/task.ts';
import { collectChild, waitResult, writeWaitInfo } from '../task/wait.ts';
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

const INT_MIN = -0x8000_0000;
const ANY_CHILD = -1;
const COMMON = WAIT.NOHANG | WAIT.STOPPED | WAIT.CONTINUED | WAIT.NOTHREAD | WAIT.CLONE | WAIT.ALL;
const WAIT4_OPTIONS = COMMON >>> 0;
const WAITID_OPTIONS = (COMMON | WAIT.EXITED | WAIT.NOWAIT) >>> 0;
const NOTE = 'a thread waits for the children of all threads; no resource usage';

/** Mirrors kernel_wait4 (kernel/exit.c). */
function sysWait4(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const options = toUint32(args[2]);
  if ((options & ~WAIT4_OPTIONS) !== 0) return fails('EINVAL');
  const pid = toInt32(args[0]);
  if (pid === INT_MIN) return fails('ESRCH');
  return wait(context, {
    kind: 'child',
    form: 'wait4',
    selector: selectorOf(context, pid),
    options: (options | WAIT.EXITED) >>> 0,
    statusAddress: args[1],
    usageAddress: args[3],
  });
}

function selectorOf({ process }: SyscallContext, pid: number): ChildSelector {
  if (pid === ANY_CHILD) return { kind: 'any' };
  if (pid > 0) return { kind: 'process', pid };
  return { kind: 'group', group: pid === 0 ? process.group : -pid };
}

/** Mirrors SYSCALL_DEFINE5(waitid) and kernel_waitid_prepare. */
function sysWaitid(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const options = toUint32(args[3]);
  if ((options & ~WAITID_OPTIONS) !== 0) return fails('EINVAL');
  if ((options & (WAIT.EXITED | WAIT.STOPPED | WAIT.CONTINUED)) === 0) return fails('EINVAL');
  const id = toInt32(args[1]);
  let selector: ChildSelector;
  switch (toInt32(args[0])) {
    case WAIT_ID.ALL:
      selector = { kind: 'any' };
      break;
    case WAIT_ID.PID:
      if (id <= 0) return fails('EINVAL');
      selector = { kind: 'process', pid: id };
      break;
    case WAIT_ID.PGID:
      if (id < 0) return fails('EINVAL');
      selector = { kind: 'group', group: id === 0 ? context.process.group : id };
      break;
    case WAIT_ID.PIDFD:
      return { kind: 'unsupported', detail: 'a pid file descriptor' };
    default:
      return fails('EINVAL');
  }
  return wait(context, {
    kind: 'child',
    form: 'waitid',
    selector,
    options,
    statusAddress: args[2],
    usageAddress: args[4],
  });
}

function wait(context: SyscallContext, request: ChildWait): SyscallResult {
  const result = waitResult(collectChild(context, context.process, request));
  if (result !== undefined) return returns(result);
  if ((request.options & WAIT.NOHANG) !== 0) return nothingYet(context, request);
  return {
    kind: 'block',
    state: {
      kind: 'blocked',
      wait: request,
      deadline: Number.POSITIVE_INFINITY,
      timeoutResult: 0n,
    },
  };
}

function nothingYet({ memory }: SyscallContext, request: ChildWait): SyscallResult {
  if (request.form === 'wait4') return returns(0);
  return writeWaitInfo(memory, request.statusAddress, undefined) ? returns(0) : fails('EFAULT');
}

export const wait4: SyscallEntry = {
  name: 'wait4',
  parameters: parameters({ upid: 'int', stat_addr: 'pointer', options: 'hex', ru: 'pointer' }),
  support: 'partial',
  note: NOTE,
  handler: sysWait4,
};

export const waitid: SyscallEntry = {
  name: 'waitid',
  parameters: parameters({
    which: 'int',
    upid: 'int',
    infop: 'pointer',
    options: 'hex',
    ru: 'pointer',
  }),
  support: 'partial',
  note: NOTE,
  handler: sysWaitid,
};
