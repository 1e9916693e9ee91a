import { ERRNO } from '../abi/errno.ts';
import { RESTART } from '../abi/restart.ts';
import { assertNever } from '../assert.ts';
import type { KernelContext } from '../kernel-state.ts';
import { wakeTask } from '../sched/wake.ts';
import { writeTimespec } from '../syscalls/timespec.ts';
import { copyTo } from '../syscalls/user-access.ts';
import { processOf } from '../task/process.ts';
import type { BlockedState, Task, Wait } from '../task/task.ts';
import { collectChild, waitResult } from '../task/wait.ts';
import { dequeueSignal } from './dequeue.ts';
import { encodeSignalInfo } from './siginfo.ts';
import type { RestartBlock } from './signal-state.ts';

/**
 * signal_wake_up: the task will look for signals before it returns to user mode, and a system call
 * that waits is interrupted.
 */
export function wakeForSignal(context: KernelContext, task: Task): void {
  task.hasSignalWork = true;
  if (task.state.kind !== 'blocked') return;
  const result = interruptionResult(context, task, task.state);
  if (result !== undefined) wakeTask(context, task, result);
}

/**
 * What a wait leaves in rax when a signal interrupts it, and what restart_syscall(2) would go on with;
 * `undefined` for a wait that no signal interrupts.
 */
export function interruptionResult(
  context: KernelContext,
  task: Task,
  blocked: BlockedState,
): bigint | undefined {
  const { wait, deadline } = blocked;
  switch (wait.kind) {
    case 'futex': {
      if (deadline === Number.POSITIVE_INFINITY) return -RESTART.ERESTARTSYS;
      const { address, isPrivate, value, bitset } = wait;
      setRestart(task, { kind: 'futex', address, isPrivate, value, bitset, deadline });
      return -RESTART.ERESTART_RESTARTBLOCK;
    }
    case 'sleep':
      if (wait.isAbsolute) return -RESTART.ERESTARTNOHAND;
      return interruptSleep(context, task, wait.remainderAddress, deadline);
    case 'pause':
      return -RESTART.ERESTARTNOHAND;
    case 'signal':
      return acceptAwaited(context, task, wait);
    case 'child': {
      const parent = processOf(context.state, task);
      return waitResult(collectChild(context, parent, wait)) ?? -RESTART.ERESTARTSYS;
    }
    case 'vfork':
      return undefined;
    default:
      return assertNever(wait);
  }
}

/** do_sigtimedwait: the signal may be one that is waited for. */
function acceptAwaited(
  context: KernelContext,
  task: Task,
  { set, infoAddress }: Extract<Wait, { kind: 'signal' }>,
): bigint {
  const info = dequeueSignal(context, task, ~set);
  if (info === undefined) return BigInt(-ERRNO.EINTR);
  const memory = context.memoryOf(processOf(context.state, task));
  const isTold = infoAddress === 0n || copyTo(memory, infoAddress, encodeSignalInfo(info));
  return BigInt(isTold ? info.signal : -ERRNO.EFAULT);
}

/** do_nanosleep and nanosleep_copyout: tells how much was left. */
function interruptSleep(
  context: KernelContext,
  task: Task,
  remainderAddress: bigint,
  deadline: number,
): bigint {
  const left = deadline - context.state.now;
  if (left <= 0) return 0n;
  setRestart(task, { kind: 'sleep', deadline, remainderAddress });
  const memory = context.memoryOf(processOf(context.state, task));
  const nanoseconds = Number.isFinite(left) ? BigInt(left) : BigInt(Number.MAX_SAFE_INTEGER);
  const isTold = remainderAddress === 0n || writeTimespec(memory, remainderAddress, nanoseconds);
  return isTold ? -RESTART.ERESTART_RESTARTBLOCK : BigInt(-ERRNO.EFAULT);
}

function setRestart(task: Task, restart: RestartBlock): void {
  task.signals = { ...task.signals, restart };
}
