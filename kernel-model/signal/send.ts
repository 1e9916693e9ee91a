import { SA, SI_CODE, SIG_DFL, SIG_IGN, SIGNALS } from '../abi/signal.ts';
import type { KernelContext } from '../kernel-state.ts';
import { leaderOf, liveTasks, processOf } from '../task/process.ts';
import { continueProcess } from '../task/stop.ts';
import type { Process, Task } from '../task/task.ts';
import { retryWaits } from '../task/wait.ts';
import { isCoalesced, without } from './pending.ts';
import { childInfo, kernelInfo, type SignalInfo } from './siginfo.ts';
import {
  DUMPING,
  hasSignal,
  IGNORED_BY_DEFAULT,
  NO_SIGNALS,
  type SignalSet,
  STOPPING,
  signalSet,
} from './signal-set.ts';
import { actionOf, withAction } from './signal-state.ts';
import { wakeForSignal } from './wake.ts';

/** Whom a signal is for: one thread, or whichever thread of a process takes it. */
export type SignalScope = 'thread' | 'process';

/** Whether a process does nothing about a signal that it does not block (sig_handler_ignored). */
export function isIgnored(process: Process, signal: number): boolean {
  const { handler } = actionOf(process.signals, signal);
  return handler === SIG_IGN || (handler === SIG_DFL && hasSignal(IGNORED_BY_DEFAULT, signal));
}

/**
 * __send_signal_locked: queues a signal, unless it is ignored or there already, and wakes a thread to
 * take it. `target` is the thread, or the first candidate of its process. A signal whose default
 * action ends the process does so at once.
 */
export function sendSignal(
  context: KernelContext,
  target: Task,
  info: SignalInfo,
  scope: SignalScope,
): void {
  const process = processOf(context.state, target);
  if (process.ending !== undefined) return;
  const { signal } = info;
  if (hasSignal(STOPPING, signal)) dropPending(context, process, signalSet(SIGNALS.SIGCONT));
  if (signal === SIGNALS.SIGCONT) {
    dropPending(context, process, STOPPING);
    if (continueProcess(context, process)) {
      reportStop(context, process, SI_CODE.CLD_CONTINUED, SIGNALS.SIGCONT);
    }
  }
  if (!hasSignal(target.signals.mask, signal) && isIgnored(process, signal)) return;
  const holder = scope === 'thread' ? target : process;
  if (isCoalesced(holder.signals.pending, signal)) return;
  if (scope === 'thread') {
    target.signals = { ...target.signals, pending: [...target.signals.pending, info] };
  } else {
    process.signals = { ...process.signals, pending: [...process.signals.pending, info] };
  }
  complete(context, { process, target, info, scope });
}

/** do_notify_parent_cldstop: a process was stopped or continued. */
export function reportStop(
  context: KernelContext,
  process: Process,
  code: number,
  status: number,
): void {
  const { state } = context;
  const parent = process.parent === undefined ? undefined : state.processes[process.parent];
  if (parent === undefined) return;
  const { handler, flags } = actionOf(parent.signals, SIGNALS.SIGCHLD);
  if (handler !== SIG_IGN && (flags & SA.NOCLDSTOP) === 0) {
    const info = childInfo({ signal: SIGNALS.SIGCHLD, code }, process.tgid, status);
    sendSignal(context, leaderOf(state, parent), info, 'process');
  }
  retryWaits(context, parent);
}

/** Forgets pending signals of a process and of all its threads. */
export function dropPending(context: KernelContext, process: Process, set: SignalSet): void {
  const shared = without(process.signals.pending, set);
  if (shared !== process.signals.pending) process.signals = { ...process.signals, pending: shared };
  for (const task of liveTasks(context.state, process)) {
    const own = without(task.signals.pending, set);
    if (own !== task.signals.pending) task.signals = { ...task.signals, pending: own };
  }
}

interface Delivery {
  readonly process: Process;
  readonly target: Task;
  readonly info: SignalInfo;
  readonly scope: SignalScope;
}

/** complete_signal. */
function complete(context: KernelContext, delivery: Delivery): void {
  const { process, info } = delivery;
  const { signal } = info;
  const taker = findTaker(context, delivery);
  if (taker === undefined) return;
  // A thread that waits for the signal by sigtimedwait takes it whatever the action is.
  const isAwaited = signal !== SIGNALS.SIGKILL && hasSignal(taker.signals.mask, signal);
  if (!isAwaited && isFatal(process, signal) && !hasSignal(DUMPING, signal)) {
    context.killProcess(taker, info);
    return;
  }
  wakeForSignal(context, taker);
}

/** sig_fatal. */
function isFatal(process: Process, signal: number): boolean {
  const isHarmless = hasSignal(IGNORED_BY_DEFAULT | STOPPING, signal);
  return !isHarmless && actionOf(process.signals, signal).handler === SIG_DFL;
}

function findTaker(context: KernelContext, delivery: Delivery): Task | undefined {
  const { process, target, info, scope } = delivery;
  const { signal } = info;
  if (wantsSignal(target, signal)) return target;
  const threads = liveTasks(context.state, process);
  if (scope === 'thread') return undefined;
  const first = threads.findIndex(({ id }) => id >= process.signals.target);
  const order = first < 0 ? threads : [...threads.slice(first), ...threads.slice(0, first)];
  const taker = order.find((task) => wantsSignal(task, signal));
  if (taker !== undefined) process.signals = { ...process.signals, target: taker.id };
  return taker;
}

/** wants_signal. */
function wantsSignal(task: Task, signal: number): boolean {
  const { kind } = task.state;
  if (kind === 'dead' || hasSignal(effectiveMask(task), signal)) return false;
  if (signal === SIGNALS.SIGKILL) return true;
  return kind !== 'stopped' && (kind === 'running' || !task.hasSignalWork);
}

/** The mask while the task may wait for signals by sigtimedwait, which opens it for them. */
function effectiveMask({ state, signals }: Task): SignalSet {
  const awaited =
    state.kind === 'blocked' && state.wait.kind === 'signal' ? state.wait.set : NO_SIGNALS;
  return signals.mask & ~awaited;
}

/** What a forced signal does about a handler: leaves it, or takes it away. */
export type Forcing = 'current' | 'fatal';

/**
 * force_sig_info_to_task: a signal that the task cannot escape. Where it is blocked or ignored, and
 * where it is to be fatal, its action becomes the default.
 */
export function forceSignal(
  context: KernelContext,
  task: Task,
  info: SignalInfo,
  forcing: Forcing,
): void {
  const { signal } = info;
  const process = processOf(context.state, task);
  const action = actionOf(process.signals, signal);
  const isBlocked = hasSignal(task.signals.mask, signal);
  if (isBlocked || action.handler === SIG_IGN || forcing === 'fatal') {
    process.signals = withAction(process.signals, signal, { ...action, handler: SIG_DFL });
    if (isBlocked) {
      task.signals = { ...task.signals, mask: task.signals.mask & ~signalSet(signal) };
    }
  }
  sendSignal(context, task, info, 'thread');
  task.hasSignalWork = true;
}

/** force_sigsegv: the frame of `signal` could not be made. A second fault over SIGSEGV is the last. */
export function forceSegv(context: KernelContext, task: Task, signal: number): void {
  const { SIGSEGV } = SIGNALS;
  forceSignal(context, task, kernelInfo(SIGSEGV), signal === SIGSEGV ? 'fatal' : 'current');
}
