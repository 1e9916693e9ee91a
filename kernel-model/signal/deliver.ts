import { ERRNO } from '../abi/errno.ts';
import { RESTART, SYS_RESTART_SYSCALL } from '../abi/restart.ts';
import { SA, SI_CODE, SIG_DFL, SIG_IGN, SS } from '../abi/signal.ts';
import type { KernelContext } from '../kernel-state.ts';
import { settleRseq } from '../rseq/settle.ts';
import { processOf } from '../task/process.ts';
import { stopProcess } from '../task/stop.ts';
import { NO_SYSCALL, type Task } from '../task/task.ts';
import { dequeueFault, dequeueSignal } from './dequeue.ts';
import { type CaughtSignal, pushFrame } from './frame.ts';
import { setSignalMask } from './mask.ts';
import { forceSegv, reportStop } from './send.ts';
import { hasSignal, IGNORED_BY_DEFAULT, STOPPING, signalSet } from './signal-set.ts';
import { actionOf, NO_ALTERNATE_STACK, withAction } from './signal-state.ts';

const SYSCALL_LENGTH_BYTES = 2;

/**
 * arch_do_signal_or_restart: one pending signal of a running task, before its return to user mode.
 * Afterwards it may have stopped or be dead; with nothing to deliver, an interrupted system call
 * starts again.
 */
export function deliverSignal(context: KernelContext, task: Task): void {
  const caught = nextCaught(context, task);
  if (task.state.kind !== 'running') return;
  if (caught !== undefined) handle(context, task, caught);
  else resumeWithoutHandler(context, task);
}

/** get_signal: takes signals and carries out their default actions until one has a handler. */
function nextCaught(context: KernelContext, task: Task): CaughtSignal | undefined {
  const process = processOf(context.state, task);
  for (;;) {
    const info = dequeueFault(context, task) ?? dequeueSignal(context, task, task.signals.mask);
    if (info === undefined) return undefined;
    const { signal } = info;
    const action = actionOf(process.signals, signal);
    if (action.handler === SIG_IGN) continue;
    if (action.handler !== SIG_DFL) {
      if ((action.flags & SA.RESETHAND) !== 0) {
        process.signals = withAction(process.signals, signal, { ...action, handler: SIG_DFL });
      }
      return { info, action };
    }
    if (hasSignal(IGNORED_BY_DEFAULT, signal)) continue;
    if (hasSignal(STOPPING, signal)) {
      stopProcess(context, process, signal);
      reportStop(context, process, SI_CODE.CLD_STOPPED, signal);
    } else context.killProcess(task, info);
    return undefined;
  }
}

/** handle_signal, with the rseq fix-up at the top of frame set-up. */
function handle(context: KernelContext, task: Task, caught: CaughtSignal): void {
  const { info, action } = caught;
  finishInterruptedCall(context, task, action.flags);
  const view = context.rseqContext(task);
  settleRseq(context, task, context.profile.rseq.onSignal(view), info.signal);
  if (!pushFrame(view, caught)) {
    forceSegv(context, task, info.signal);
    return;
  }
  const own = (action.flags & SA.NODEFER) === 0 ? signalSet(info.signal) : 0n;
  const { altStack } = task.signals;
  const isDisarmed = (altStack.flags & SS.AUTODISARM) !== 0;
  task.signals = {
    ...task.signals,
    savedMask: undefined,
    altStack: isDisarmed ? NO_ALTERNATE_STACK : altStack,
  };
  setSignalMask(context, task, task.signals.mask | action.mask | own);
}

/** What an interrupted system call comes to when a handler runs. */
function finishInterruptedCall(context: KernelContext, task: Task, flags: number): void {
  if (task.systemCall === NO_SYSCALL) return;
  switch (restartCode(context, task)) {
    case RESTART.ERESTARTNOHAND:
    case RESTART.ERESTART_RESTARTBLOCK:
      fail(context, task);
      return;
    case RESTART.ERESTARTSYS:
      if ((flags & SA.RESTART) === 0) fail(context, task);
      else restart(context, task, BigInt(task.systemCall));
      return;
    case RESTART.ERESTARTNOINTR:
      restart(context, task, BigInt(task.systemCall));
      return;
  }
}

/** No handler runs: an interrupted system call starts again, and a mask put aside comes back. */
function resumeWithoutHandler(context: KernelContext, task: Task): void {
  if (task.systemCall !== NO_SYSCALL) {
    switch (restartCode(context, task)) {
      case RESTART.ERESTARTNOHAND:
      case RESTART.ERESTARTSYS:
      case RESTART.ERESTARTNOINTR:
        restart(context, task, BigInt(task.systemCall));
        break;
      case RESTART.ERESTART_RESTARTBLOCK:
        restart(context, task, SYS_RESTART_SYSCALL);
        break;
    }
  }
  const { savedMask } = task.signals;
  if (savedMask === undefined) return;
  task.signals = { ...task.signals, savedMask: undefined };
  setSignalMask(context, task, savedMask);
}

function restartCode(context: KernelContext, task: Task): bigint {
  return -BigInt.asIntN(64, context.host.registers(task.id).read('rax'));
}

function fail(context: KernelContext, task: Task): void {
  context.host.registers(task.id).write('rax', BigInt.asUintN(64, BigInt(-ERRNO.EINTR)));
}

/** The syscall instruction is next once more, with `call` as its number. */
function restart(context: KernelContext, task: Task, call: bigint): void {
  const registers = context.host.registers(task.id);
  registers.write('rax', call);
  registers.instructionPointer -= SYSCALL_LENGTH_BYTES;
}
