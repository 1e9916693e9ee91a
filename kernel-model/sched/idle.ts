import type { KernelState } from '../kernel-state.ts';

/** The earliest deadline of a blocked task or a granted time slice; Infinity when there is none. */
export function nextDeadline(state: KernelState): number {
  let earliest = Number.POSITIVE_INFINITY;
  for (const { state: taskState, rseqSlice } of state.tasks) {
    if (taskState.kind === 'blocked' && taskState.deadline < earliest) {
      earliest = taskState.deadline;
    }
    if (rseqSlice?.granted && rseqSlice.expires < earliest) earliest = rseqSlice.expires;
  }
  return earliest;
}

/** True when some vCPU runs a task or has one to run. */
export function isAnythingRunnable(state: KernelState): boolean {
  return state.vcpus.some((vcpu) => vcpu.current !== 0 || vcpu.queue.length > 0);
}
