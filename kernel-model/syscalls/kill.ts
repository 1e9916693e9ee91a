import type { Errno } from '../abi/errno.ts';
import { SI_CODE, SIGINFO, SIGNAL_MAX } from '../abi/signal.ts';
import { type SignalScope, sendSignal } from '../signal/send.ts';
import { decodeSignalInfo, type SignalInfo, sentInfo } from '../signal/siginfo.ts';
import type { Process, Task } from '../task/task.ts';
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
import { copyFrom } from './user-access.ts';

/** init, which belongs to root. */
const INIT_PID = 1;
const INT_MIN = -0x8000_0000;
const ANY = -1;

/** The task with a thread id; a leader is there until its process was waited for. */
function findTask({ state }: SyscallContext, tid: number): Task | undefined {
  return state.tasks.find((task) => {
    if (task.tid !== tid) return false;
    const process = state.processes[task.process];
    const isLeader = process?.tgid === tid && !process.isReaped;
    return isLeader || task.state.kind !== 'dead';
  });
}

function leaderOf(context: SyscallContext, process: Process): Task | undefined {
  return findTask(context, process.tgid);
}

/** group_send_sig_info and do_send_specific: signal 0 only asks. */
function deliver(
  context: SyscallContext,
  target: Task,
  info: SignalInfo,
  scope: SignalScope,
): Errno | undefined {
  const { signal } = info;
  if (signal < 0 || signal > SIGNAL_MAX) return 'EINVAL';
  if (signal !== 0) sendSignal(context, target, info, scope);
  return undefined;
}

function toResult(errno: Errno | undefined): SyscallResult {
  return errno === undefined ? returns(0) : fails(errno);
}

/** kill_something_info. */
function sysKill(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const pid = toInt32(args[0]);
  const signal = toInt32(args[1]);
  const info = sentInfo({ signal, code: SI_CODE.SI_USER }, context.process.tgid);
  if (pid > 0) return toResult(killProcess(context, pid, info));
  if (pid === INT_MIN) return fails('ESRCH');
  return toResult(killAll(context, { pid, info }));
}

function killProcess(context: SyscallContext, pid: number, info: SignalInfo): Errno | undefined {
  if (pid === INIT_PID) return 'EPERM';
  const target = findTask(context, pid);
  return target === undefined ? 'ESRCH' : deliver(context, target, info, 'process');
}

/** Every process but the caller's for -1, else those of a group, the caller's own for 0. */
function killAll(
  context: SyscallContext,
  { pid, info }: { readonly pid: number; readonly info: SignalInfo },
): Errno | undefined {
  let errno: Errno | undefined = 'ESRCH';
  const group = pid === 0 ? context.process.group : -pid;
  for (const process of context.state.processes) {
    const isMeant = pid === ANY ? process !== context.process : process.group === group;
    if (!isMeant) continue;
    const target = leaderOf(context, process);
    if (target !== undefined) errno = deliver(context, target, info, 'process');
  }
  return errno;
}

/** do_send_specific. */
function sendToThread(
  context: SyscallContext,
  { tgid, tid }: { readonly tgid: number; readonly tid: number },
  info: SignalInfo,
): SyscallResult {
  const target = findTask(context, tid);
  if (target === undefined) return fails('ESRCH');
  const isMember = context.state.processes[target.process]?.tgid === tgid;
  if (tgid > 0 && !isMember) return fails('ESRCH');
  return toResult(deliver(context, target, info, 'thread'));
}

function sysTgkill(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const tgid = toInt32(args[0]);
  const tid = toInt32(args[1]);
  if (tgid <= 0 || tid <= 0) return fails('EINVAL');
  const origin = { signal: toInt32(args[2]), code: SI_CODE.SI_TKILL };
  return sendToThread(context, { tgid, tid }, sentInfo(origin, context.process.tgid));
}

function sysTkill(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const tid = toInt32(args[0]);
  if (tid <= 0) return fails('EINVAL');
  const origin = { signal: toInt32(args[1]), code: SI_CODE.SI_TKILL };
  return sendToThread(context, { tgid: 0, tid }, sentInfo(origin, context.process.tgid));
}

/** A siginfo that the caller made; it may not pretend to be the kernel or kill(2) to another. */
function readInfo(
  context: SyscallContext,
  call: { readonly pid: number; readonly signal: number; readonly pointer: bigint },
): SignalInfo | Errno {
  const bytes = copyFrom(context.memory, call.pointer, SIGINFO.keptBytes);
  if (bytes === undefined) return 'EFAULT';
  const info = decodeSignalInfo(bytes, call.signal);
  const isForgery = info.code >= 0 || info.code === SI_CODE.SI_TKILL;
  return isForgery && context.task.tid !== call.pid ? 'EPERM' : info;
}

function sysRtSigqueueinfo(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const pid = toInt32(args[0]);
  const info = readInfo(context, { pid, signal: toInt32(args[1]), pointer: args[2] });
  if (typeof info === 'string') return fails(info);
  return toResult(killProcess(context, pid, info));
}

function sysRtTgsigqueueinfo(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const tgid = toInt32(args[0]);
  const tid = toInt32(args[1]);
  const isNamed = tgid > 0 && tid > 0;
  const info = readInfo(context, { pid: tid, signal: toInt32(args[2]), pointer: args[3] });
  if (info === 'EFAULT') return fails('EFAULT');
  if (!isNamed) return fails('EINVAL');
  if (typeof info === 'string') return fails(info);
  return sendToThread(context, { tgid, tid }, info);
}

export const kill: SyscallEntry = {
  name: 'kill',
  parameters: parameters({ pid: 'int', sig: 'int' }),
  support: 'full',
  note: '',
  handler: sysKill,
};

export const tkill: SyscallEntry = {
  name: 'tkill',
  parameters: parameters({ pid: 'int', sig: 'int' }),
  support: 'full',
  note: '',
  handler: sysTkill,
};

export const tgkill: SyscallEntry = {
  name: 'tgkill',
  parameters: parameters({ tgid: 'int', pid: 'int', sig: 'int' }),
  support: 'full',
  note: '',
  handler: sysTgkill,
};

export const rtSigqueueinfo: SyscallEntry = {
  name: 'rt_sigqueueinfo',
  parameters: parameters({ pid: 'int', sig: 'int', uinfo: 'pointer' }),
  support: 'partial',
  note: 'what a siginfo of no known layout holds in its last 80 bytes is not looked at',
  handler: sysRtSigqueueinfo,
};

export const rtTgsigqueueinfo: SyscallEntry = {
  name: 'rt_tgsigqueueinfo',
  parameters: parameters({ tgid: 'int', pid: 'int', sig: 'int', uinfo: 'pointer' }),
  support: 'partial',
  note: rtSigqueueinfo.note,
  handler: sysRtTgsigqueueinfo,
};
