import type { KernelState } from '../../kernel-model/kernel-state.ts';

/** A copy that shares no mutable part: what tasks and processes hold is immutable. */
export function copyKernelState(state: KernelState): KernelState {
  return {
    ...state,
    tasks: state.tasks.map((task) => ({ ...task })),
    vcpus: state.vcpus.map((vcpu) => ({ ...vcpu, queue: vcpu.queue.slice() })),
    processes: state.processes.map((process) => ({ ...process })),
  };
}
