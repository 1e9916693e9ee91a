import { SIGNAL_MAX } from '../../kernel-model/abi/signal.ts';
import { assertNever } from '../../kernel-model/assert.ts';
import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { Decision } from '../../kernel-model/sched/decision.ts';
import { isAllowed, isQueued } from '../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../kernel-model/task/task.ts';

/** Why a decision cannot be carried out now, `undefined` if it can. */
export function applicationError(state: KernelState, decision: Decision): string | undefined {
  switch (decision.kind) {
    case 'run': {
      if (!(decision.instructions >= 1)) return 'a slice is at least one instruction';
      const vcpu = state.vcpus[decision.vcpu];
      if (vcpu === undefined) return 'no such vCPU';
      return vcpu.current === 0 ? 'the vCPU is idle' : undefined;
    }
    case 'switch': {
      const vcpu = state.vcpus[decision.vcpu];
      if (vcpu === undefined) return 'no such vCPU';
      const { task } = decision;
      const isHere = task !== 0 && (vcpu.current === task || isQueued(vcpu, task));
      return isHere ? undefined : `task ${decision.task} is not ready on that vCPU`;
    }
    case 'migrate': {
      const task = state.tasks[decision.task - 1];
      if (task === undefined || !isRunnable(task)) return 'the task cannot run';
      if (state.vcpus[decision.vcpu] === undefined) return 'no such vCPU';
      if (task.vcpu === decision.vcpu) return 'the task is on that vCPU already';
      return isAllowed(task.affinity, decision.vcpu) ? undefined : 'its affinity forbids that vCPU';
    }
    case 'fence':
      return state.vcpus[decision.vcpu] === undefined ? 'no such vCPU' : undefined;
    case 'place':
    case 'wake':
      return 'it answers no question';
    case 'signal': {
      const task = state.tasks[decision.task - 1];
      if (task === undefined || task.state.kind === 'dead') return 'there is no such task';
      const isSignal = decision.signal >= 1 && decision.signal <= SIGNAL_MAX;
      return isSignal ? undefined : 'there is no such signal';
    }
    case 'flush':
      return 'store buffers are not modelled';
    default:
      return assertNever(decision);
  }
}

/** Whether a switch takes a busy vCPU from its task, which did not ask for that by sched_yield. */
export function isPreemption(state: KernelState, vcpuId: number): boolean {
  const vcpu = state.vcpus[vcpuId];
  return vcpu !== undefined && vcpu.current !== 0 && !vcpu.needResched;
}

function isRunnable(task: Task): boolean {
  return task.state.kind === 'ready' || task.state.kind === 'running';
}

/** `r0:200`, `s0:3`: the form in schedules and messages. */
export function decisionToString(decision: Decision): string {
  switch (decision.kind) {
    case 'run':
      return `r${decision.vcpu}:${decision.instructions}`;
    case 'switch':
      return `s${decision.vcpu}:${decision.task}`;
    case 'migrate':
      return `m${decision.task}:${decision.vcpu}`;
    case 'place':
      return `p${decision.task}:${decision.vcpu}`;
    case 'wake':
      return `w${decision.task}`;
    case 'signal':
      return `g${decision.task}:${decision.signal}`;
    case 'fence':
      return `f${decision.vcpu}`;
    case 'flush':
      return `b${decision.vcpu}`;
    default:
      return assertNever(decision);
  }
}

const PAIRS: Readonly<Record<string, (a: number, b: number) => Decision>> = {
  r: (vcpu, instructions) => ({ kind: 'run', vcpu, instructions }),
  s: (vcpu, task) => ({ kind: 'switch', vcpu, task }),
  m: (task, vcpu) => ({ kind: 'migrate', task, vcpu }),
  p: (task, vcpu) => ({ kind: 'place', task, vcpu }),
  g: (task, signal) => ({ kind: 'signal', task, signal }),
};

const SINGLES: Readonly<Record<string, (a: number) => Decision>> = {
  w: (task) => ({ kind: 'wake', task }),
  f: (vcpu) => ({ kind: 'fence', vcpu }),
  b: (vcpu) => ({ kind: 'flush', vcpu }),
};

/** The decision that `decisionToString` gave this text for; `undefined` for any other text. */
export function decisionFromString(text: string): Decision | undefined {
  const match = /^([a-z])(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  const [, letter, first, second] = match ?? [];
  if (letter === undefined || first === undefined) return undefined;
  const decision =
    second === undefined
      ? SINGLES[letter]?.(Number(first))
      : PAIRS[letter]?.(Number(first), Number(second));
  return decision !== undefined && decisionToString(decision) === text ? decision : undefined;
}
