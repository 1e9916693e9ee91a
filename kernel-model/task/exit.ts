import { SA, SIG_IGN, SIGNAL_MAX, SIGNALS } from '../abi/signal.ts';
import type { KernelContext } from '../kernel-state.ts';
import { dequeue, vcpuOf } from '../sched/run-queue.ts';
import { wakeTask } from '../sched/wake.ts';
import { sendSignal } from '../signal/send.ts';
import { childInfo } from '../signal/siginfo.ts';
import { actionOf } from '../signal/signal-state.ts';
import { sharedKey } from './futex-key.ts';
import { findWaiters, wakeWaiters } from './futex-queue.ts';
import { leaderOf, liveTasks, processOf } from './process.ts';
import { type DyingTask, exitRobustList } from './robust-list.ts';
import type { Process, ProcessEnding, Task } from './task.ts';
import { describeEnding, retryWaits } from './wait.ts';

const STATUS_MASK = 0xff;
/** Added to a signal's number, as shells do. */
const SIGNAL_STATUS_BASE = 128;

/**
 * One task ends (do_exit): its robust locks are released, its thread id in user memory is cleared
 * and a joiner woken. With the last task the process ends, with the leader's status.
 */
export function exitTask(context: KernelContext, task: Task, status: number): void {
  const { state } = context;
  const process = processOf(state, task);
  releaseMemory(context, process, task);
  retire(context, task, status & STATUS_MASK);
  if (liveTasks(state, process).length > 0) return;
  const leader = leaderOf(state, process);
  const ended = leader.state.kind === 'dead' ? leader.state.status : status & STATUS_MASK;
  endProcess(context, process, { kind: 'exit', status: ended });
}

/**
 * The whole process ends at once (do_group_exit). What its tasks would still write to their own
 * memory on the way out only other processes could see.
 */
export function exitGroup(context: KernelContext, process: Process, ending: ProcessEnding): void {
  const status =
    ending.kind === 'exit' ? ending.status & STATUS_MASK : SIGNAL_STATUS_BASE + ending.signal;
  for (const task of liveTasks(context.state, process)) {
    if (context.state.processes.length > 1) releaseMemory(context, process, task);
    retire(context, task, status);
  }
  endProcess(context, process, ending);
}

function releaseMemory(kernel: KernelContext, process: Process, task: Task): void {
  const dying = { kernel, task, process, memory: kernel.memoryOf(process) };
  exitRobustList(dying);
  clearChildTid(dying);
}

/** What follows once the last task of a process is gone: mm_release, then exit_notify. */
function endProcess(context: KernelContext, process: Process, ending: ProcessEnding): void {
  const { state, host } = context;
  process.ending ??= ending;
  for (const child of state.processes) {
    if (child.parent !== process.id) continue;
    child.parent = undefined;
    if (child.ending !== undefined) child.isReaped = true;
  }
  for (const task of state.tasks) {
    const isSuspended =
      task.state.kind === 'blocked' &&
      task.state.wait.kind === 'vfork' &&
      task.state.wait.child === process.id;
    if (isSuspended) wakeTask(context, task, BigInt(process.tgid));
  }
  // Nobody looks at the memory of a process that is gone, but at the first one's, for which a run ends.
  const isUsed = state.processes.some(
    ({ id, space, ending: end }) => space === process.space && (id === 0 || end === undefined),
  );
  if (!isUsed) host.spaces[process.space]?.destroy();
  notifyParent(context, process, ending);
}

/** do_notify_parent: a parent that ignores SIGCHLD, or says so, has nothing to wait for. */
function notifyParent(context: KernelContext, process: Process, ending: ProcessEnding): void {
  const { state } = context;
  const parent = process.parent === undefined ? undefined : state.processes[process.parent];
  if (parent === undefined) {
    process.isReaped = true;
    return;
  }
  const { handler, flags } = actionOf(parent.signals, SIGNALS.SIGCHLD);
  let signal = process.exitSignal;
  if (signal === SIGNALS.SIGCHLD && (handler === SIG_IGN || (flags & SA.NOCLDWAIT) !== 0)) {
    process.isReaped = true;
    if (handler === SIG_IGN) signal = 0;
  }
  if (signal > 0 && signal <= SIGNAL_MAX) {
    const { code, status } = describeEnding(ending);
    const info = childInfo({ signal, code }, process.tgid, status);
    sendSignal(context, leaderOf(state, parent), info, 'process');
  }
  retryWaits(context, parent);
}

/** mm_release: only while others use the memory. */
function clearChildTid({ kernel, task, process, memory }: DyingTask): void {
  const { state } = kernel;
  const address = task.clearChildTid;
  const users = state.tasks.filter(
    (other) =>
      other.state.kind !== 'dead' && state.processes[other.process]?.space === process.space,
  );
  if (address === 0 || users.length <= 1) return;
  memory.writeU32(address, 0);
  const waiters = findWaiters(state, sharedKey(memory.space, process.space, address));
  wakeWaiters(kernel, waiters, 1);
  task.clearChildTid = 0;
}

function retire(context: KernelContext, task: Task, status: number): void {
  const { state, host } = context;
  if (task.state.kind === 'running') vcpuOf(state, task.vcpu).current = 0;
  if (task.state.kind === 'ready') dequeue(state, task);
  task.state = { kind: 'dead', status };
  host.destroyTask(task.id);
}
