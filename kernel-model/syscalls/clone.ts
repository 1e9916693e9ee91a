import { CLONE, CLONE_LEGACY_FLAGS, CSIGNAL } from '../abi/clone.ts';
import type { Errno } from '../abi/errno.ts';
import { SIGNALS } from '../abi/signal.ts';
import { createProcess, createThread } from '../task/clone.ts';
import { processOf } from '../task/process.ts';
import { isSegmentBase } from './arch-prctl.ts';
import { type CloneRequest, readCloneArgs } from './clone-args.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
} from './context.ts';
import { parameters } from './parameters.ts';
import { putU32 } from './user-access.ts';

/** Flags of a new thread that the model carries out, or that change nothing that it has. */
const THREAD_FLAGS =
  CLONE.VM |
  CLONE.FS |
  CLONE.FILES |
  CLONE.SIGHAND |
  CLONE.PTRACE |
  CLONE.PARENT |
  CLONE.THREAD |
  CLONE.SYSVSEM |
  CLONE.SETTLS |
  CLONE.PARENT_SETTID |
  CLONE.CHILD_CLEARTID |
  CLONE.DETACHED |
  CLONE.UNTRACED |
  CLONE.CHILD_SETTID |
  CLONE.IO;

/** The same for a new process, which has its own handlers. */
const PROCESS_FLAGS =
  (THREAD_FLAGS & ~(CLONE.THREAD | CLONE.SIGHAND)) | CLONE.VFORK | CLONE.CLEAR_SIGHAND;

const { SIGCHLD } = SIGNALS;
const NO_POINTERS = { stackPointer: 0n, parentTid: 0n, childTid: 0n, tls: 0n, setTidCount: 0n };

/** Mirrors SYSCALL_DEFINE0(fork). */
function sysFork(context: SyscallContext): SyscallResult {
  return clone(context, { ...NO_POINTERS, flags: 0n, exitSignal: SIGCHLD });
}

/** Mirrors SYSCALL_DEFINE0(vfork). */
function sysVfork(context: SyscallContext): SyscallResult {
  const flags = CLONE.VFORK | CLONE.VM;
  return clone(context, { ...NO_POINTERS, flags, exitSignal: SIGCHLD });
}

/** Mirrors SYSCALL_DEFINE5(clone) of kernel/fork.c, with x86-64's order of arguments. */
function sysClone(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const flags = args[0] & CLONE_LEGACY_FLAGS & ~CSIGNAL;
  const sharesPidfd = CLONE.PIDFD | CLONE.PARENT_SETTID;
  // The two results would go to the same word.
  if ((flags & sharesPidfd) === sharesPidfd) return fails('EINVAL');
  return clone(context, {
    flags,
    stackPointer: args[1],
    parentTid: args[2],
    childTid: args[3],
    tls: args[4],
    setTidCount: 0n,
    exitSignal: Number(args[0] & CSIGNAL),
  });
}

/** Mirrors SYSCALL_DEFINE2(clone3) of kernel/fork.c. */
function sysClone3(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const request = readCloneArgs(context.memory, args[0], args[1]);
  return typeof request === 'string' ? fails(request) : clone(context, request);
}

/** kernel_clone. Both thread ids are in memory before either task runs on. */
function clone(context: SyscallContext, request: CloneRequest): SyscallResult {
  const { state, memory, task } = context;
  const { flags } = request;
  const errno = checkFlags(flags);
  if (errno !== undefined) return fails(errno);
  const left = findUnmodelled(request);
  if (left !== undefined) return { kind: 'unsupported', detail: left };
  if ((flags & CLONE.SETTLS) !== 0n && !isSegmentBase(request.tls)) return fails('EPERM');
  const isThread = (flags & CLONE.THREAD) !== 0n;
  const child = isThread
    ? createThread(context, task, request)
    : createProcess(context, task, request);
  if ((flags & CLONE.PARENT_SETTID) !== 0n) putU32(memory, request.parentTid, child.tid);
  if ((flags & CLONE.CHILD_SETTID) !== 0n) {
    putU32(context.memoryOf(processOf(state, child)), request.childTid, child.tid);
  }
  if ((flags & CLONE.VFORK) === 0n) return returns(child.tid);
  const wait = { kind: 'vfork' as const, child: child.process };
  const deadline = Number.POSITIVE_INFINITY;
  return { kind: 'block', state: { kind: 'blocked', wait, deadline, timeoutResult: 0n } };
}

function findUnmodelled({ flags, setTidCount }: CloneRequest): string | undefined {
  const isThread = (flags & CLONE.THREAD) !== 0n;
  const left = flags & ~(isThread ? THREAD_FLAGS : PROCESS_FLAGS);
  if (left !== 0n) return `flags 0x${left.toString(16)}`;
  return setTidCount === 0n ? undefined : 'set_tid';
}

/** The combinations that copy_process refuses, in its order. */
function checkFlags(flags: bigint): Errno | undefined {
  const all = (mask: bigint) => (flags & mask) === mask;
  if (all(CLONE.NEWNS | CLONE.FS) || all(CLONE.NEWUSER | CLONE.FS)) return 'EINVAL';
  if (all(CLONE.THREAD) && !all(CLONE.SIGHAND)) return 'EINVAL';
  if (all(CLONE.SIGHAND) && !all(CLONE.VM)) return 'EINVAL';
  if (all(CLONE.THREAD) && (flags & (CLONE.NEWUSER | CLONE.NEWPID)) !== 0n) return 'EINVAL';
  return all(CLONE.PIDFD | CLONE.DETACHED) ? 'EINVAL' : undefined;
}

const NOTE = 'no namespaces or pid file descriptors, no handlers shared between processes';

export const cloneEntry: SyscallEntry = {
  name: 'clone',
  parameters: parameters({
    clone_flags: 'hex',
    newsp: 'pointer',
    parent_tidptr: 'pointer',
    child_tidptr: 'pointer',
    tls: 'pointer',
  }),
  support: 'partial',
  note: NOTE,
  handler: sysClone,
};

export const clone3Entry: SyscallEntry = {
  name: 'clone3',
  parameters: parameters({ uargs: 'pointer', size: 'size' }),
  support: 'partial',
  note: NOTE,
  handler: sysClone3,
};

export const fork: SyscallEntry = {
  name: 'fork',
  parameters: [],
  support: 'full',
  note: '',
  handler: sysFork,
};

export const vfork: SyscallEntry = {
  name: 'vfork',
  parameters: [],
  support: 'full',
  note: '',
  handler: sysVfork,
};
