import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Vcpu } from '../../../kernel-model/kernel-state.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import { isAllowed, taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { TaskId } from '../../../kernel-model/task/task.ts';
import type { ScheduleView, Strategy } from '../../machine/strategy.ts';

/** How the default scheduler is set up. */
export interface DefaultStrategyOptions {
  readonly seed: number;
  /** Mean length of a slice in instructions. */
  readonly tickInstructions: number;
  /** Double a task's slice while one section of its keeps being aborted. */
  readonly escalate: boolean;
  /** Signals to send now and then; none if left out. */
  readonly signals?: readonly InjectedSignal[];
}

/** A signal that may come from outside: to one task, or to whichever one is running. */
export interface InjectedSignal {
  readonly signal: number;
  readonly task: TaskId | undefined;
}

/** One reschedule in so many moves the task to another vCPU. */
const RESCHEDULES_PER_MIGRATION = 16;
/** A tick in so many brings a signal, where there are any to send. */
const TICKS_PER_SIGNAL = 8;
/** An idle vCPU pulls a waiting task over at one opportunity in so many. */
const OPPORTUNITIES_PER_PULL = 2;
/** Aborts in a row from which on slices double. */
const ABORTS_BEFORE_ESCALATION = 2;
const ESCALATION_SHIFT_MAX = 20;

/**
 * What a plain kernel does: every vCPU has its timer tick, with jitter; a tick gives the vCPU to the
 * next task of its queue, now and then a task is moved to another vCPU, and idle vCPUs pull waiting
 * tasks. vCPUs take turns of random length in between, as they would run at the same time.
 */
export class DefaultStrategy implements Strategy {
  readonly #options: DefaultStrategyOptions;
  readonly #random: ReturnType<typeof xoroshiro128plus>;
  /** Instructions left until the tick of each vCPU. */
  readonly #untilTick: number[] = [];
  #turn = 0;

  constructor(options: DefaultStrategyOptions) {
    this.#options = options;
    this.#random = xoroshiro128plus(options.seed);
  }

  next({ state }: ScheduleView): Decision {
    const { vcpus } = state;
    for (let i = 0; i < vcpus.length; i++) {
      const vcpu = vcpus[(this.#turn + i) % vcpus.length];
      if (vcpu === undefined) continue;
      const decision = this.#nextOn(vcpu, { state });
      if (decision === undefined) continue;
      this.#turn = decision.kind === 'run' ? (vcpu.id + 1) % vcpus.length : vcpu.id;
      return decision;
    }
    throw new Error('assertion failed: some vCPU has work');
  }

  /** `undefined` if the vCPU is idle and stays so. */
  #nextOn(vcpu: Vcpu, view: ScheduleView): Decision | undefined {
    const first = vcpu.queue[0];
    if (vcpu.current === 0) {
      return first === undefined ? this.#pull(vcpu, view) : this.#dispatch(vcpu, first, view);
    }
    const left = this.#untilTick[vcpu.id] ?? 0;
    if (left > 0 && !vcpu.needResched) return this.#run(vcpu, left, view);
    const signal = this.#signal(vcpu, view);
    if (signal !== undefined) return signal;
    if (first === undefined) {
      this.#untilTick[vcpu.id] = this.#drawSlice(vcpu.current, view);
      return this.#migration(vcpu, view) ?? this.#nextOn({ ...vcpu, needResched: false }, view);
    }
    return this.#migration(vcpu, view) ?? this.#dispatch(vcpu, first, view);
  }

  #run(vcpu: Vcpu, left: number, view: ScheduleView): Decision {
    const isAlone = view.state.vcpus.every((other) => other === vcpu || other.current === 0);
    const instructions = isAlone ? left : Math.min(left, this.#draw(1, left));
    this.#untilTick[vcpu.id] = left - instructions;
    return { kind: 'run', vcpu: vcpu.id, instructions };
  }

  #signal(vcpu: Vcpu, { state }: ScheduleView): Decision | undefined {
    const { signals = [] } = this.#options;
    if (signals.length === 0 || this.#draw(1, TICKS_PER_SIGNAL) > 1) return undefined;
    const chosen = signals[this.#draw(0, signals.length - 1)];
    if (chosen === undefined) return undefined;
    const task = chosen.task ?? vcpu.current;
    const target = state.tasks[task - 1];
    if (target === undefined || target.state.kind === 'dead') return undefined;
    return { kind: 'signal', task, signal: chosen.signal };
  }

  #dispatch(vcpu: Vcpu, task: number, view: ScheduleView): Decision {
    this.#untilTick[vcpu.id] = this.#drawSlice(task, view);
    return { kind: 'switch', vcpu: vcpu.id, task };
  }

  /** Length of a task's slice: the tick with jitter, longer while its section keeps being aborted. */
  #drawSlice(taskId: number, { state }: ScheduleView): number {
    const { tickInstructions, escalate } = this.#options;
    const length = this.#draw(1, 2 * tickInstructions - 1);
    const { abortsInRow } = taskOf(state, taskId);
    if (!escalate || abortsInRow < ABORTS_BEFORE_ESCALATION) return length;
    const doublings = abortsInRow - ABORTS_BEFORE_ESCALATION + 1;
    return length * 2 ** Math.min(doublings, ESCALATION_SHIFT_MAX);
  }

  /** Now and then the running task goes to another vCPU. */
  #migration(vcpu: Vcpu, { state }: ScheduleView): Decision | undefined {
    if (state.vcpus.length === 1) return undefined;
    if (this.#draw(1, RESCHEDULES_PER_MIGRATION) > 1) return undefined;
    const { affinity } = taskOf(state, vcpu.current);
    const others = state.vcpus.filter(({ id }) => id !== vcpu.id && isAllowed(affinity, id));
    const target = others[this.#draw(0, Math.max(0, others.length - 1))];
    if (target === undefined) return undefined;
    return { kind: 'migrate', task: vcpu.current, vcpu: target.id };
  }

  /** An idle vCPU takes the last waiting task of the longest queue. */
  #pull(vcpu: Vcpu, { state }: ScheduleView): Decision | undefined {
    const busiest = state.vcpus.reduce((a, b) => (b.queue.length > a.queue.length ? b : a));
    const movable = busiest.queue.filter((id) => isAllowed(taskOf(state, id).affinity, vcpu.id));
    const task = movable.at(-1);
    if (task === undefined || this.#draw(1, OPPORTUNITIES_PER_PULL) > 1) return undefined;
    return { kind: 'migrate', task, vcpu: vcpu.id };
  }

  choose(point: ChoicePoint): number {
    return point.kind === 'wake' ? 0 : this.#draw(0, point.candidates.length - 1);
  }

  #draw(low: number, high: number): number {
    return uniformInt(this.#random, low, high);
  }
}
