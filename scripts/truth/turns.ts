import type { KernelState, Vcpu } from '../../kernel-model/kernel-state.ts';
import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';

/** Whoever runs for so many instructions without waiting may be spinning: others get their turn. */
const TURN_INSTRUCTIONS_MAX = 20_000;

/** Where the undisturbed schedule is, besides the kernel state. */
export interface Turn {
  /** The vCPU that runs. */
  readonly vcpu: number;
  /** Instructions left of its turn. */
  readonly left: number;
}

export const FIRST_TURN: Turn = { vcpu: 0, left: TURN_INSTRUCTIONS_MAX };

/** A decision that nobody is interrupted by, or who runs next. */
export type NextTurn =
  | { readonly kind: 'decide'; readonly decision: Decision; readonly turn: Turn }
  | { readonly kind: 'run'; readonly task: number; readonly turn: Turn };

/**
 * The schedule between interruptions: one vCPU at a time, on it one task until it waits, yields or ends,
 * then the next of its queue; when a vCPU has nothing to do, the next vCPU. Some vCPU must have work.
 */
export function nextTurn({ vcpus }: KernelState, turn: Turn): NextTurn {
  const isSpent = turn.left <= 0;
  const own = vcpus[turn.vcpu];
  const waiting = own?.queue[0];
  if (isSpent && own !== undefined && waiting !== undefined) {
    const turnAfter = turnOf((own.id + 1) % vcpus.length);
    return { kind: 'decide', decision: dispatch(own, waiting), turn: turnAfter };
  }
  const start = isSpent ? turn.vcpu + 1 : turn.vcpu;
  for (let i = 0; i < vcpus.length; i++) {
    const vcpu = vcpus[(start + i) % vcpus.length];
    if (vcpu === undefined) continue;
    const [first] = vcpu.queue;
    if (first !== undefined && (vcpu.current === 0 || vcpu.needResched)) {
      return { kind: 'decide', decision: dispatch(vcpu, first), turn: turnOf(vcpu.id) };
    }
    if (vcpu.current === 0) continue;
    const goesOn = vcpu.id === turn.vcpu && !isSpent;
    return { kind: 'run', task: vcpu.current, turn: goesOn ? turn : turnOf(vcpu.id) };
  }
  throw new Error('assertion failed: some vCPU has work');
}

/** A whole turn of a vCPU. */
export function turnOf(vcpu: number): Turn {
  return { vcpu, left: TURN_INSTRUCTIONS_MAX };
}

function dispatch({ id }: Vcpu, task: number): Decision {
  return { kind: 'switch', vcpu: id, task };
}

/** The answers to the kernel's questions: new tasks go round the vCPUs, the longest waiter is woken. */
export function answer(point: ChoicePoint): number {
  return point.kind === 'place' ? point.task % point.candidates.length : 0;
}
