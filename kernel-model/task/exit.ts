import type { KernelContext } from '../kernel-state.ts';
import { dequeue, vcpuOf } from '../sched/run-queue.ts';
import { findWaiters, wakeWaiters } from './futex-queue.ts';
import { liveTasks } from './process.ts';
import { type DyingTask, exitRobustList } from './robust-list.ts';
import type { Process, ProcessEnding, Task } from './task.ts';

const STATUS_MASK = 0xff;
/** Added to a signal's number, as shells do. */
const SIGNAL_STATUS_BASE = 128;

/**
 * One task ends (do_exit): its robust locks are released, its thread id in user memory is cleared
 * and a joiner woken. With the last task the process ends, with the leader's status.
 */
export function exitTask(dying: DyingTask, status: number): void {
  const { state, task, process } = dying;
  exitRobustList(dying);
  if (liveTasks(state, process).length > 1) clearChildTid(dying);
  retire(dying, task, status & STATUS_MASK);
  if (liveTasks(state, process).length > 0) return;
  const leader = state.tasks.find((other) => other.tid === process.tgid);
  const ended = leader?.state.kind === 'dead' ? leader.state.status : status & STATUS_MASK;
  process.ending ??= { kind: 'exit', status: ended };
}

/**
 * The whole process ends at once (do_group_exit). What its tasks would still write to their own
 * memory on the way out nobody can see.
 */
export function exitGroup(context: KernelContext, process: Process, ending: ProcessEnding): void {
  process.ending ??= ending;
  const status =
    ending.kind === 'exit' ? ending.status & STATUS_MASK : SIGNAL_STATUS_BASE + ending.signal;
  for (const task of liveTasks(context.state, process)) retire(context, task, status);
}

/** mm_release: only while others use the memory. */
function clearChildTid(dying: DyingTask): void {
  const { state, task, process, memory } = dying;
  const address = task.clearChildTid;
  if (address === 0) return;
  memory.writeU32(address, 0);
  const key = { space: process.space, address, shared: true };
  wakeWaiters(dying, findWaiters(state, key), 1);
  task.clearChildTid = 0;
}

function retire(context: KernelContext, task: Task, status: number): void {
  const { state, host } = context;
  if (task.state.kind === 'running') vcpuOf(state, task.vcpu).current = 0;
  if (task.state.kind === 'ready') dequeue(state, task);
  task.state = { kind: 'dead', status };
  host.destroyTask(task.id);
}
