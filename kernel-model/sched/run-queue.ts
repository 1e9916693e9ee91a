import { assert } from '../assert.ts';
import type { KernelState, Vcpu } from '../kernel-state.ts';
import { READY, RUNNING, type Task, type TaskId, type VcpuId } from '../task/task.ts';
import type { Chooser } from './decision.ts';

/** The task with this id; asserts that it exists. */
export function taskOf(state: KernelState, id: TaskId): Task {
  const task = state.tasks[id - 1];
  assert(task !== undefined, 'task exists', id);
  return task;
}

/** The vCPU with this id; asserts that it exists. */
export function vcpuOf(state: KernelState, id: VcpuId): Vcpu {
  const vcpu = state.vcpus[id];
  assert(vcpu !== undefined, 'vCPU exists', id);
  return vcpu;
}

/** The vCPUs that an affinity mask allows, in order. */
export function allowedVcpus(state: KernelState, affinity: bigint): VcpuId[] {
  return state.vcpus.map((vcpu) => vcpu.id).filter((id) => isAllowed(affinity, id));
}

/** Whether the mask allows a vCPU. */
export function isAllowed(affinity: bigint, vcpu: VcpuId): boolean {
  return ((affinity >> BigInt(vcpu)) & 1n) === 1n;
}

/** Puts a ready task at the end of the run queue of the vCPU it is placed on. */
export function enqueue(state: KernelState, task: Task): void {
  task.state = READY;
  vcpuOf(state, task.vcpu).queue.push(task.id);
}

/** Takes a ready task off its run queue. */
export function dequeue(state: KernelState, task: Task): void {
  const { queue } = vcpuOf(state, task.vcpu);
  if (queue[0] === task.id) {
    queue.shift();
    return;
  }
  const index = queue.indexOf(task.id);
  assert(index >= 0, 'a queued task', task.id);
  queue.splice(index, 1);
}

/** Whether a task is on the vCPU's run queue. */
export function isQueued({ queue }: Vcpu, task: TaskId): boolean {
  for (const id of queue) if (id === task) return true;
  return false;
}

/**
 * The vCPU's task goes to the end of the queue and `next` leaves it, which may be the same one:
 * enqueue and dequeue at one go, in place.
 */
export function exchange(vcpu: Vcpu, previous: Task, next: Task): void {
  previous.state = READY;
  vcpu.current = 0;
  if (previous === next) return;
  const { queue } = vcpu;
  let index = 0;
  while (index < queue.length && queue[index] !== next.id) index++;
  assert(index < queue.length, 'a queued task', next.id);
  const last = queue.length - 1;
  for (; index < last; index++) queue[index] = queue[index + 1] ?? 0;
  queue[last] = previous.id;
}

/** Makes a ready task the one that its vCPU runs; the vCPU must be idle. */
export function dispatch(vcpu: Vcpu, task: Task): void {
  assert(vcpu.current === 0, 'an idle vCPU', vcpu.id);
  vcpu.current = task.id;
  vcpu.needResched = false;
  task.state = RUNNING;
}

/** Chooses a vCPU for a task among those its affinity allows: `preferred` if it is one of them. */
export function choosePlacement(
  state: KernelState,
  task: Task,
  preferred: VcpuId | undefined,
  choose: Chooser,
): VcpuId {
  if (preferred !== undefined && isAllowed(task.affinity, preferred)) return preferred;
  const candidates = allowedVcpus(state, task.affinity);
  assert(candidates.length > 0, 'a task that may run somewhere', task.id);
  const index = candidates.length > 1 ? choose({ kind: 'place', task: task.id, candidates }) : 0;
  const chosen = candidates[index];
  assert(chosen !== undefined, 'a candidate was chosen');
  return chosen;
}
