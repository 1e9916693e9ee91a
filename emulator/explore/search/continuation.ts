import type { KernelState, Vcpu } from '../../../kernel-model/kernel-state.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';

/** A task that runs for so long without waiting is taken to wait for another in a loop. */
const PATIENCE_INSTRUCTIONS = 20_000;

/** Where the policy is, besides the kernel state: plain, so that a snapshot can hold it. */
export interface ContinuationState {
  /** The vCPU that runs. */
  readonly vcpu: number;
  /** What its task may still run before others get their turn. */
  readonly patience: number;
}

export const CONTINUATION_START: ContinuationState = { vcpu: 0, patience: PATIENCE_INSTRUCTIONS };

/** The task that runs seems to spin: its turn is over. */
export function outOfPatience(state: ContinuationState): ContinuationState {
  return { vcpu: state.vcpu, patience: 0 };
}

/** What the policy does next: a decision that is no interruption, or instructions of one vCPU. */
export type Continuation =
  | { readonly kind: 'dispatch'; readonly decision: Decision; readonly state: ContinuationState }
  | {
      readonly kind: 'run';
      readonly vcpu: Vcpu;
      readonly limit: number;
      readonly state: ContinuationState;
    };

/**
 * How a search runs a program between two interruptions: one vCPU at a time, each task until it waits,
 * yields or ends. Nobody is preempted, but for tasks that seem to spin.
 */
export function continueRun(kernel: KernelState, state: ContinuationState): Continuation {
  const { vcpus } = kernel;
  if (state.patience <= 0) return endTurn(kernel, state);
  for (let i = 0; i < vcpus.length; i++) {
    const vcpu = vcpus[(state.vcpu + i) % vcpus.length];
    if (vcpu === undefined) continue;
    const [waiting] = vcpu.queue;
    const turn = vcpu.id === state.vcpu ? state : turnOf(vcpu.id);
    if (waiting !== undefined && (vcpu.current === 0 || vcpu.needResched)) {
      return { kind: 'dispatch', decision: switchTo(vcpu, waiting), state: turnOf(vcpu.id) };
    }
    if (vcpu.current !== 0) return { kind: 'run', vcpu, limit: turn.patience, state: turn };
  }
  throw new Error('assertion failed: some vCPU has work');
}

/** The task that ran for so long makes room on its vCPU, and the vCPU for the next one. */
function endTurn(kernel: KernelState, state: ContinuationState): Continuation {
  const next = turnOf((state.vcpu + 1) % kernel.vcpus.length);
  const vcpu = kernel.vcpus[state.vcpu];
  const waiting = vcpu?.queue[0];
  if (vcpu === undefined || waiting === undefined) return continueRun(kernel, next);
  return { kind: 'dispatch', decision: switchTo(vcpu, waiting), state: next };
}

function turnOf(vcpu: number): ContinuationState {
  return { vcpu, patience: PATIENCE_INSTRUCTIONS };
}

function switchTo({ id }: Vcpu, task: number): Decision {
  return { kind: 'switch', vcpu: id, task };
}

/** The state after `instructions` more. */
export function afterRun(state: ContinuationState, instructions: number): ContinuationState {
  return { vcpu: state.vcpu, patience: state.patience - instructions };
}

/** Answers the kernel's questions: new tasks go round the vCPUs, the longest waiter wakes first. */
export function answer(point: ChoicePoint): number {
  return point.kind === 'place' ? point.task % point.candidates.length : 0;
}
