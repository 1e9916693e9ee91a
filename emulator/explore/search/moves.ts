import type { KernelState } from '../../../kernel-model/kernel-state.ts';
import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { isAllowed } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import type { SignalSource } from './bounds.ts';
import type { Interruption, Until } from './interruption.ts';

/** What a move does: a decision, another vCPU's turn, or both. */
export interface Step {
  readonly decision?: Decision | undefined;
  readonly turnTo?: number;
}

/** One thing to do at a position, and how it is carried out. */
export interface Move extends Step {
  /** `until` matters only where somebody else runs. */
  interruption(until: Until): Interruption;
  /** Where somebody else runs, who can be stopped on the way for the task to go on. */
  readonly way?: { readonly vcpu: number; readonly back?: Decision };
}

/** membarrier(2): the process registered for PRIVATE_EXPEDITED_RSEQ. */
const MEMBARRIER_STATE_RSEQ = 1 << 8;

/**
 * Everything that can happen to a running task before its next instruction. `signals` are those that may
 * come from outside.
 */
export function movesAt(state: KernelState, task: Task, signals: readonly SignalSource[]): Move[] {
  const { id, vcpu } = task;
  const resume: Decision = { kind: 'switch', vcpu, task: id };
  const moves: Move[] = [{ interruption: () => ({ kind: 'spurious' }), decision: resume }];
  for (const other of state.vcpus) {
    if (other.id === vcpu || !isAllowed(task.affinity, other.id)) continue;
    moves.push({
      interruption: () => ({ kind: 'migrate', vcpu: other.id }),
      decision: { kind: 'migrate', task: id, vcpu: other.id },
    });
  }
  if (canBeFenced(state, task)) {
    moves.push({ interruption: () => ({ kind: 'fence' }), decision: { kind: 'fence', vcpu } });
  }
  for (const source of signals) {
    if (source.task !== undefined && source.task !== id) continue;
    const { signal } = source;
    moves.push({
      interruption: () => ({ kind: 'signal', signal }),
      decision: { kind: 'signal', task: id, signal },
    });
  }
  for (const by of state.vcpus[vcpu]?.queue ?? []) {
    moves.push({
      interruption: (until) => ({ kind: 'preempt', by, until }),
      decision: { kind: 'switch', vcpu, task: by },
      way: { vcpu, back: resume },
    });
  }
  for (const other of state.vcpus) {
    if (other.id === vcpu || (other.current === 0 && other.queue.length === 0)) continue;
    moves.push({
      interruption: (until) => ({ kind: 'overtake', vcpu: other.id, until }),
      turnTo: other.id,
      way: { vcpu: other.id },
    });
  }
  return moves;
}

/** Whether an rseq membarrier from another task of the process can hit this one. */
function canBeFenced(state: KernelState, task: Task): boolean {
  const process = state.processes[task.process];
  const isRegistered =
    process !== undefined && (process.membarrierRegistrations & MEMBARRIER_STATE_RSEQ) !== 0;
  return (
    isRegistered &&
    state.tasks.some(
      (other) => other.process === task.process && other !== task && other.state.kind !== 'dead',
    )
  );
}
