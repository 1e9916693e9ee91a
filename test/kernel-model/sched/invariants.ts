import { expect } from 'vitest';
import type { KernelState } from '../../../kernel-model/kernel-state.ts';
import { isAllowed } from '../../../kernel-model/sched/run-queue.ts';
import { hasSignal, UNCATCHABLE } from '../../../kernel-model/signal/signal-set.ts';
import type { Process } from '../../../kernel-model/task/task.ts';

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
 * an address space have different concurrency ids, all below the number of vCPUs. Who has ended has no
 * tasks, who is stopped none that could run, and a running task has no signal that it could take.
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
  for (const process of state.processes) expectSound(state, process);
}

function expectSound(state: KernelState, process: Process): void {
  const tasks = state.tasks.filter((task) => task.process === process.id);
  const kinds = new Set(tasks.map((task) => task.state.kind));
  expect(process.ending !== undefined, `process ${process.id}`).toBe(
    kinds.size === 1 && kinds.has('dead'),
  );
  if (process.ending === undefined) expect(process.isReaped).toBe(false);
  const mayRun = kinds.has('running') || kinds.has('ready');
  if (process.stop.isStopped && process.ending === undefined) expect(mayRun).toBe(false);
  else expect(kinds.has('stopped')).toBe(false);
  for (const { state: at, signals, hasSignalWork } of tasks) {
    expect(signals.mask & UNCATCHABLE).toBe(0n);
    const own = signals.pending.filter(({ signal }) => !hasSignal(signals.mask, signal));
    if (at.kind === 'running') expect([own.length, hasSignalWork]).toEqual([0, false]);
  }
}

function expectDistinctCids(state: KernelState): void {
  for (const space of new Set(state.processes.map((process) => process.space))) {
    const cids = state.tasks
      .filter((task) => task.state.kind === 'running')
      .filter((task) => state.processes[task.process]?.space === space)
      .map(({ mmCid }) => mmCid);
    expect(new Set(cids).size, `cids ${cids}`).toBe(cids.length);
    for (const cid of cids) expect(cid).toBeLessThan(state.vcpus.length);
  }
}
