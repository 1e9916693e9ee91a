import type { TaskId, VcpuId } from '../task/task.ts';

/**
 * Everything that is not determined by the guest, its inputs and the kernel profile. The list of
 * decisions taken is the schedule; a position is (decision index, instructions retired in it).
 */
export type Decision =
  /** The task on a vCPU runs for at most so many retired instructions. */
  | { readonly kind: 'run'; readonly vcpu: VcpuId; readonly instructions: number }
  /**
   * The vCPU's current task, if any, goes to the end of its run queue and `task` runs: dispatch on
   * an idle vCPU, preemption on a busy one, a spurious reschedule when `task` is the current one. The
   * kernel may extend the current task's time slice instead, and no switch happens.
   */
  | { readonly kind: 'switch'; readonly vcpu: VcpuId; readonly task: TaskId }
  /** A running or queued task is moved to another vCPU's run queue; it is preempted if running. */
  | { readonly kind: 'migrate'; readonly task: TaskId; readonly vcpu: VcpuId }
  /** Where a new task, or one whose vCPU its affinity no longer allows, is queued. */
  | { readonly kind: 'place'; readonly task: TaskId; readonly vcpu: VcpuId }
  /** Which of several waiters is woken next. */
  | { readonly kind: 'wake'; readonly task: TaskId }
  /** A signal is made pending for a task. */
  | { readonly kind: 'signal'; readonly task: TaskId; readonly signal: number }
  /** An rseq membarrier interrupts the task running on a vCPU. */
  | { readonly kind: 'fence'; readonly vcpu: VcpuId }
  /** Reserved: one store leaves the vCPU's store buffer (x86-TSO). */
  | { readonly kind: 'flush'; readonly vcpu: VcpuId };

/** A choice that comes up while a decision is carried out; candidates are never empty. */
export type ChoicePoint =
  | { readonly kind: 'place'; readonly task: TaskId; readonly candidates: readonly VcpuId[] }
  | { readonly kind: 'wake'; readonly candidates: readonly TaskId[] };

/** Answers a choice point with the index of a candidate. Called only where there are two or more. */
export type Chooser = (point: ChoicePoint) => number;
