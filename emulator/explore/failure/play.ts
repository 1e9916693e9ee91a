import type { Decision } from '../../../kernel-model/sched/decision.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import { applicationError } from '../../machine/decisions.ts';
import type { Outcome } from '../../machine/outcome.ts';
import type { Explorer, Point } from '../search/explorer.ts';
import type { Interruption, PlacedInterruption } from '../search/interruption.ts';
import { runTail } from '../search/tail.ts';

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
  /** Those whose position was never reached, or that were not possible there. */
  readonly missed: readonly PlacedInterruption[];
  readonly outcome: Outcome;
  /** See Failure. */
  readonly isEndless: boolean;
  readonly decisions: readonly Decision[];
  /** Boundaries in the order of the run, up to the last interruption and as many after it. */
  readonly passed: readonly Passed[];
}

/** Boundaries after the last interruption that a play lists. */
const PASSED_AFTER_MAX = 256;

/**
 * Runs the explorer's program from its start along the continuation policy, and makes each interruption once
 * its task has retired so many instructions. Positions that the run never reaches are passed over. The
 * same list gives the same run.
 */
export function play(explorer: Explorer, wanted: readonly PlacedInterruption[]): Play {
  return new Player(explorer, wanted).play();
}

class Player {
  readonly #explorer: Explorer;
  readonly #pending: PlacedInterruption[];
  readonly #missed: PlacedInterruption[] = [];
  readonly #passed: Passed[] = [];

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
    if (!isEndless) isEndless = this.#runToEnd(() => false);
    const { machine, made } = explorer;
    return {
      made,
      missed: [...this.#missed, ...this.#pending],
      outcome: machine.runToEnd(),
      isEndless,
      decisions: machine.decisions,
      passed: this.#passed,
    };
  }

  /** Without interruption, as the plain run goes; whether it has no end. */
  #runToFirst(): boolean {
    if (this.#pending.length === 0) return false;
    return this.#runToEnd((point) => this.#dueAt(point) >= 0);
  }

  #runToEnd(until: (point: Point) => boolean): boolean {
    const seen = new Set<string>();
    const passedBefore = this.#passed.length;
    const end = runTail(this.#explorer, {
      onState: (key) => {
        if (seen.has(key)) return 'on this path';
        seen.add(key);
        return 'new';
      },
      onBoundary: (point) => {
        const isListed =
          this.#pending.length > 0 || this.#passed.length < passedBefore + PASSED_AFTER_MAX;
        if (isListed) this.#pass(point);
      },
      until,
    });
    return end === 'endless';
  }

  #pass({ task: { id }, address }: Point): void {
    const explorer = this.#explorer;
    const { vcpu } = taskOf(explorer.machine.kernel.state, id);
    this.#passed.push({ task: id, vcpu, retired: explorer.retiredBy(id), address });
  }

  #advance(point: Point): void {
    const explorer = this.#explorer;
    if (point.isBoundary) this.#pass(point);
    if (explorer.isNear(point)) explorer.step(point);
    else explorer.runOn(point);
  }

  #dueAt({ task: { id } }: Point): number {
    const retired = this.#explorer.retiredBy(id);
    return this.#pending.findIndex((each) => each.task === id && each.retired === retired);
  }

  /** Makes the first interruption that is due here; false if there is none. */
  #interrupt(point: Point): boolean {
    const due = this.#dueAt(point);
    const wanted = this.#pending[due];
    if (wanted === undefined) return false;
    this.#pending.splice(due, 1);
    const placed = this.#explorer.place(point, wanted.interruption);
    if (makeInterruption(this.#explorer, point, wanted.interruption)) this.#explorer.note(placed);
    else this.#missed.push(wanted);
    return true;
  }
}

/** Does to the point's task what the interruption says; false, with nothing done, if it cannot be. */
function makeInterruption(
  explorer: Explorer,
  { task: { id } }: Point,
  interruption: Interruption,
): boolean {
  const { state } = explorer.machine.kernel;
  const { vcpu } = taskOf(state, id);
  switch (interruption.kind) {
    case 'spurious':
      return apply(explorer, { kind: 'switch', vcpu, task: id });
    case 'migrate':
      return apply(explorer, { kind: 'migrate', task: id, vcpu: interruption.vcpu });
    case 'fence':
      return apply(explorer, { kind: 'fence', vcpu });
    case 'signal':
      return apply(explorer, { kind: 'signal', task: id, signal: interruption.signal });
    case 'preempt': {
      if (interruption.by === id) return false;
      if (!apply(explorer, { kind: 'switch', vcpu, task: interruption.by })) return false;
      if (interruption.until.kind === 'completion') return true;
      if (runInstead(explorer, vcpu, interruption.until.instructions)) {
        apply(explorer, { kind: 'switch', vcpu, task: id }, vcpu);
      }
      return true;
    }
    case 'overtake': {
      const other = state.vcpus[interruption.vcpu];
      if (other === undefined || other.id === vcpu) return false;
      if (other.current === 0 && other.queue.length === 0) return false;
      explorer.make({ turnTo: other.id });
      if (interruption.until.kind === 'completion') return true;
      if (runInstead(explorer, other.id, interruption.until.instructions)) {
        explorer.make({ turnTo: vcpu });
      }
      return true;
    }
  }
}

function apply(explorer: Explorer, decision: Decision, turnTo?: number): boolean {
  if (applicationError(explorer.machine.kernel.state, decision) !== undefined) return false;
  explorer.make(turnTo === undefined ? { decision } : { decision, turnTo });
  return true;
}

/** Lets a vCPU's task retire so many instructions; false if it waits or ends before. */
function runInstead(explorer: Explorer, vcpu: number, instructions: number): boolean {
  const first = explorer.here();
  if (first === undefined || first.task.vcpu !== vcpu) return false;
  const { id } = first.task;
  const target = explorer.retiredBy(id) + instructions;
  while (explorer.retiredBy(id) < target) {
    const runner = explorer.here();
    if (runner?.task.id !== id) return false;
    explorer.step(runner);
  }
  return explorer.here()?.task.id === id;
}
