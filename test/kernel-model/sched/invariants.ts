import { expect } from 'vitest';
import type { KernelState } from '../../../kernel-model/kernel-state.ts';
import { isAllowed } from '../../../kernel-model/sched/run-queue.ts';

/** Where a task is, as queues and vCPUs have it. */
function placesOf(state: KernelState, id: number): string[] {
  return state.vcpus.flatMap((vcpu) => [
    ...(vcpu.current === id ? [`running on ${vcpu.id}`] : []),
    ...vcpu.queue.filter((queued) => queued === id).map(() => `ready on ${vcpu.id}`),
  ]);
}

/**
 * What must hold between any two operations: a ready task is in one queue, a running one is current
 * on one vCPU, each where it says and where its affinity allows; others are nowhere. Running tasks of
 * a process have different concurrency ids, all below the number of vCPUs.
 */
export function expectConsistent(state: KernelState): void {
  for (const task of state.tasks) {
    const { kind } = task.state;
    const isPlaced = kind === 'ready' || kind === 'running';
    const expected = isPlaced ? [`${kind} on ${task.vcpu}`] : [];
    expect(placesOf(state, task.id), `task ${task.id}`).toEqual(expected);
    if (isPlaced) expect(isAllowed(task.affinity, task.vcpu), `task ${task.id}`).toBe(true);
  }
  const known = new Set([0, ...state.tasks.map(({ id }) => id)]);
  for (const vcpu of state.vcpus) {
    for (const id of [vcpu.current, ...vcpu.queue]) expect(known).toContain(id);
  }
  expectDistinctCids(state);
}

function expectDistinctCids(state: KernelState): void {
  for (const process of state.processes) {
    const cids = state.tasks
      .filter((task) => task.process === process.id && task.state.kind === 'running')
      .map(({ mmCid }) => mmCid);
    expect(new Set(cids).size, `cids ${cids}`).toBe(cids.length);
    for (const cid of cids) expect(cid).toBeLessThan(state.vcpus.length);
  }
}
