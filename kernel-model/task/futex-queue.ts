import { FUTEX_BITSET_MATCH_ANY } from '../abi/futex.ts';
import type { KernelContext, KernelState } from '../kernel-state.ts';
import { wakeTask } from '../sched/wake.ts';
import type { FutexKey, Task, Wait } from './task.ts';

type FutexWait = Extract<Wait, { kind: 'futex' }>;

/** What a task waits for if it waits for a futex. */
function futexWaitOf(task: Task): FutexWait | undefined {
  return task.state.kind === 'blocked' && task.state.wait.kind === 'futex'
    ? task.state.wait
    : undefined;
}

function isSameKey(a: FutexKey, b: FutexKey): boolean {
  return (
    a.space === b.space && a.object === b.object && a.address === b.address && a.shared === b.shared
  );
}

/** The tasks that wait for a futex with any bit of `bitset`, first come first. */
export function findWaiters(
  state: KernelState,
  key: FutexKey,
  bitset: number = FUTEX_BITSET_MATCH_ANY,
): Task[] {
  const found: { task: Task; order: number }[] = [];
  for (const task of state.tasks) {
    const wait = futexWaitOf(task);
    if (wait !== undefined && isSameKey(wait.key, key) && (wait.bitset & bitset) !== 0) {
      found.push({ task, order: wait.order });
    }
  }
  return found.sort((a, b) => a.order - b.order).map(({ task }) => task);
}

/** The place behind every waiter there is. */
export function nextOrder(state: KernelState): number {
  let last = 0;
  for (const task of state.tasks) last = Math.max(last, futexWaitOf(task)?.order ?? 0);
  return last + 1;
}

/**
 * Wakes up to `limit` of the waiters; their futex calls return 0. Who they are is a choice where
 * there are more waiters than that. Returns those that still wait, in order.
 */
export function wakeWaiters(
  context: KernelContext,
  waiters: readonly Task[],
  limit: number,
): readonly Task[] {
  const waiting = [...waiters];
  for (let left = limit; left > 0 && waiting.length > 0; left--) {
    const isChoice = waiting.length > left;
    const index = isChoice
      ? context.choose({ kind: 'wake', candidates: waiting.map((task) => task.id) })
      : 0;
    for (const task of waiting.splice(index, 1)) wakeTask(context, task, 0n);
  }
  return waiting;
}

/** Moves a waiter to the end of another futex's queue (requeue_futex). */
export function requeueWaiter(state: KernelState, task: Task, key: FutexKey): void {
  const wait = futexWaitOf(task);
  if (task.state.kind !== 'blocked' || wait === undefined) return;
  const order = isSameKey(wait.key, key) ? wait.order : nextOrder(state);
  task.state = { ...task.state, wait: { ...wait, key, order } };
}
