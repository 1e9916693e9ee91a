import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { isAllowed } from '../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../kernel-model/task/task.ts';

/** The kinds of interruption that there are. */
export const ACTION_KINDS = [
  'spurious',
  'preempt',
  'migrate',
  'fence',
  'overtake',
  'signal',
] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

/** One interruption of a task that is about to execute an instruction. */
export interface Action {
  readonly kind: ActionKind;
  readonly decision: Decision | undefined;
  /** The vCPU whose turn it is then. */
  readonly turn: number;
  /** Whether somebody else runs, who can be stopped on the way: what brings the task back. */
  readonly back?: { readonly decision: Decision | undefined; readonly turn: number };
}

const MEMBARRIER_REGISTERED_RSEQ = 1 << 8;

/** All that can happen to the running task `task`; `signals` are those that may come from outside. */
export function actionsOn(state: KernelState, task: Task, signals: readonly number[]): Action[] {
  const { id, vcpu } = task;
  const again: Decision = { kind: 'switch', vcpu, task: id };
  const here = { turn: vcpu };
  const actions: Action[] = [{ kind: 'spurious', decision: again, ...here }];
  for (const other of state.vcpus[vcpu]?.queue ?? []) {
    const decision: Decision = { kind: 'switch', vcpu, task: other };
    actions.push({ kind: 'preempt', decision, ...here, back: { decision: again, turn: vcpu } });
  }
  for (const other of state.vcpus) {
    if (other.id === vcpu) continue;
    if (isAllowed(task.affinity, other.id)) {
      const decision: Decision = { kind: 'migrate', task: id, vcpu: other.id };
      actions.push({ kind: 'migrate', decision, ...here });
    }
    if (other.current !== 0 || other.queue.length > 0) {
      const back = { decision: undefined, turn: vcpu };
      actions.push({ kind: 'overtake', decision: undefined, turn: other.id, back });
    }
  }
  if (canBeFenced(state, task)) {
    actions.push({ kind: 'fence', decision: { kind: 'fence', vcpu }, ...here });
  }
  for (const signal of signals) {
    actions.push({ kind: 'signal', decision: { kind: 'signal', task: id, signal }, ...here });
  }
  return actions;
}

/** An rseq membarrier comes from another thread of a process that has registered for it. */
function canBeFenced(state: KernelState, { id, process }: Task): boolean {
  const registrations = state.processes[process]?.membarrierRegistrations ?? 0;
  const hasFellow = state.tasks.some(
    (other) => other.id !== id && other.process === process && other.state.kind !== 'dead',
  );
  return hasFellow && (registrations & MEMBARRIER_REGISTERED_RSEQ) !== 0;
}
