import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import { applicationError } from '../../machine/decisions.ts';
import type { Outcome } from '../../machine/outcome.ts';
import { PLAIN_RUN_STATES_MAX } from '../search/baseline.ts';
import type { Explorer, Point } from '../search/explorer.ts';
import type { Interruption, PlacedInterruption } from '../search/interruption.ts';
import { DENSE_STATES, runTail, type TailObserver, visitsOnce } from '../search/tail.ts';

/** A boundary that a run came by. */
export interface Passed {
  readonly task: number;
  readonly vcpu: number;
  /** Instructions that the task had retired. */
  readonly retired: number;
  /** The instruction that it was about to execute. */
  readonly address: number;
}

/** What came of a run with interruptions at given positions. */
export interface Play {
  /** Those that were made, in order, with the instructions that they came before. */
  readonly made: readonly PlacedInterruption[];
  /**
   * Who was taken off its vCPU for each of them, and where: the interrupted task, or whoever ran
   * instead and was stopped for it to go on.
   */
  readonly turns: readonly Passed[];
  /** Those whose position was never reached, or that were not possible there. */
  readonly missed: readonly PlacedInterruption[];
  readonly outcome: Outcome;
  /** See Failure. */
  readonly isEndless: boolean;
  readonly decisions: readonly Decision[];
  /** Boundaries in the order of the run, up to the last interruption. */
  readonly passed: readonly Passed[];
}

/**
 * Runs the explorer's program from its start along the continuation policy, and makes each
 * interruption once its task has retired so many instructions. Positions that the run never reaches
 * are passed over. The same list gives the same run.
 */
export function play(explorer: Explorer, wanted: readonly PlacedInterruption[]): Play {
  return new Player(explorer, wanted).play();
}

class Player {
  readonly #explorer: Explorer;
  readonly #pending: PlacedInterruption[];
  readonly #missed: PlacedInterruption[] = [];
  readonly #passed: Passed[] = [];
  readonly #turns: Passed[] = [];

  constructor(explorer: Explorer, wanted: readonly PlacedInterruption[]) {
    this.#explorer = explorer;
    this.#pending = [...wanted];
  }

  play(): Play {
    const explorer = this.#explorer;
    explorer.start();
    let isEndless = this.#runToFirst();
    while (this.#pending.length > 0 && !isEndless) {
      const point = explorer.here();
      if (point === undefined) break;
      if (!this.#interrupt(point)) this.#advance(point);
    }
    isEndless ||= this.#runToEnd();
    const { machine, made } = explorer;
    return {
      made,
      turns: this.#turns,
      missed: [...this.#missed, ...this.#pending],
      outcome: explorer.settledOutcome(),
      isEndless,
      decisions: machine.decisions,
      passed: this.#passed,
    };
  }

  /** Without interruption, as the plain run goes; whether it has no end. */
  #runToFirst(): boolean {
    const observer: TailObserver = {
      onPoint: (point) => {
        if (point.isBoundary) this.#passed.push(placeOf(this.#explorer, point));
      },
      onState: visitsOnce(),
      until: (point) => this.#dueAt(point) >= 0,
      untilWithin: (point) => this.#nextDueWithin(point),
    };
    return runTail(this.#explorer, observer, PLAIN_RUN_STATES_MAX) === 'endless';
  }

  #runToEnd(): boolean {
    return runTail(this.#explorer, { onState: visitsOnce() }, DENSE_STATES) === 'endless';
  }

  #advance(point: Point): void {
    const explorer = this.#explorer;
    if (point.isBoundary) this.#passed.push(placeOf(explorer, point));
    if (explorer.isNear(point)) explorer.step(point);
    else explorer.runOn(point);
  }

  #dueAt({ task: { id } }: Point): number {
    const retired = this.#explorer.retiredBy(id);
    return this.#pending.findIndex((each) => each.task === id && each.retired === retired);
  }

  /** Instructions of the task until the next interruption that is to be made, maybe at no boundary. */
  #nextDueWithin({ task: { id } }: Point): number {
    const retired = this.#explorer.retiredBy(id);
    const ahead = this.#pending.flatMap((each) =>
      each.task === id && each.retired > retired ? [each.retired - retired] : [],
    );
    return Math.min(...ahead);
  }

  /** Makes the first interruption that is due here; false if there is none. */
  #interrupt(point: Point): boolean {
    const due = this.#dueAt(point);
    const wanted = this.#pending[due];
    if (wanted === undefined) return false;
    this.#pending.splice(due, 1);
    const placed = this.#explorer.place(point, wanted.interruption);
    const turn = makeInterruption(this.#explorer, point, wanted.interruption);
    if (turn === undefined) this.#missed.push(wanted);
    else {
      this.#explorer.note(placed);
      this.#turns.push(turn);
    }
    return true;
  }
}

function placeOf(explorer: Explorer, { task: { id }, address }: Point): Passed {
  const { vcpu } = taskOf(explorer.machine.kernel.state, id);
  return { task: id, vcpu, retired: explorer.retiredBy(id), address };
}

/** Does to the point's task what is said; gives the turn, or `undefined` if it cannot be done. */
function makeInterruption(
  explorer: Explorer,
  point: Point,
  interruption: Interruption,
): Passed | undefined {
  const { id } = point.task;
  const here = placeOf(explorer, point);
  const { vcpu } = here;
  const done = (decision: Decision) => (apply(explorer, decision) ? here : undefined);
  switch (interruption.kind) {
    case 'spurious':
      return done({ kind: 'switch', vcpu, task: id });
    case 'migrate':
      return done({ kind: 'migrate', task: id, vcpu: interruption.vcpu });
    case 'fence':
      return done({ kind: 'fence', vcpu });
    case 'signal':
      return done({ kind: 'signal', task: id, signal: interruption.signal });
    case 'preempt': {
      const { by, until } = interruption;
      if (by === id || !apply(explorer, { kind: 'switch', vcpu, task: by })) return undefined;
      const stop =
        until.kind === 'stop' ? runInstead(explorer, vcpu, until.instructions) : undefined;
      if (stop === undefined) return here;
      return apply(explorer, { kind: 'switch', vcpu, task: id }, vcpu) ? stop : here;
    }
    case 'overtake': {
      const { until } = interruption;
      const other = explorer.machine.kernel.state.vcpus[interruption.vcpu];
      if (other === undefined || other.id === vcpu) return undefined;
      if (other.current === 0 && other.queue.length === 0) return undefined;
      explorer.make({ turnTo: other.id });
      const stop =
        until.kind === 'stop' ? runInstead(explorer, other.id, until.instructions) : undefined;
      if (stop !== undefined) explorer.make({ turnTo: vcpu });
      return stop ?? here;
    }
  }
}

function apply(explorer: Explorer, decision: Decision, turnTo?: number): boolean {
  if (applicationError(explorer.machine.kernel.state, decision) !== undefined) return false;
  explorer.make(turnTo === undefined ? { decision } : { decision, turnTo });
  return true;
}

/** Lets a vCPU's task retire so many instructions: where that is, unless it waits or ends before. */
function runInstead(explorer: Explorer, vcpu: number, instructions: number): Passed | undefined {
  const first = explorer.here();
  if (first === undefined || first.task.vcpu !== vcpu) return undefined;
  const { id } = first.task;
  const target = explorer.retiredBy(id) + instructions;
  for (;;) {
    const runner = explorer.here();
    if (runner?.task.id !== id) return undefined;
    if (explorer.retiredBy(id) >= target) return placeOf(explorer, runner);
    explorer.step(runner);
  }
}
