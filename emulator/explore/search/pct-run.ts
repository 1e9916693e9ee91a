import { taskOf, vcpuOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Draws } from './draws.ts';
import type { Explorer, Point } from './explorer.ts';
import { COMPLETION } from './interruption.ts';
import type { Move } from './moves.ts';
import { countRun } from './run-end.ts';
import type { TallyCounter } from './tally-counter.ts';

/** How large runs of a program are: PCT's n and k, and how many things a change point can do. */
export interface PctScale {
  readonly tasks: number;
  readonly steps: number;
  readonly actions: number;
}

/** Code without boundaries runs for so long before priorities are looked at again. */
const CHUNK_INSTRUCTIONS = 16;
/**
 * A task that takes so many times the steps of a run, or so many instructions, all alone, seems to
 * spin.
 */
const SPIN_RUNS = 2;
const SPIN_INSTRUCTIONS = 10_000;
/** Once somebody spins, whoever runs does so for so many instructions at most. */
const FAIR_INSTRUCTIONS = 200;

/** One schedule of probabilistic concurrency testing; see strategies/pct.ts. */
export class PctRun {
  /** Boundaries that tasks went through so far. */
  steps = 0;
  /** The most actions that a change point could have drawn from. */
  actions = 1;
  /** Somebody seemed to spin: from then on the draw is fair. */
  isFair = false;
  readonly #explorer: Explorer;
  readonly #scale: PctScale;
  readonly #draws: Draws;
  readonly #priorities = new Map<number, number>();
  /** By the step before which a priority changes: the new one. */
  readonly #changes = new Map<number, number>();
  #runner = { task: 0, steps: 0, instructions: 0 };

  constructor(explorer: Explorer, scale: PctScale, draws: Draws) {
    this.#explorer = explorer;
    this.#scale = scale;
    this.#draws = draws;
    const { depth } = explorer.bounds;
    draws.permutation(scale.tasks).forEach((rank, index) => {
      this.#priorities.set(index + 1, depth + rank);
    });
    draws.distinct(depth - 1, Math.max(1, scale.steps)).forEach((step, index) => {
      this.#changes.set(step, index + 1);
    });
  }

  get tasks(): number {
    return this.#explorer.machine.kernel.state.tasks.length;
  }

  /** Runs the program from scratch to its end, and counts that. */
  play(counter: TallyCounter): void {
    const explorer = this.#explorer;
    explorer.start();
    for (let point = explorer.here(); point !== undefined; point = explorer.here()) {
      if (this.#takesTurn(point, counter)) continue;
      if (point.isBoundary && this.#changesHere(point, counter)) continue;
      this.#advance(point, counter);
    }
    countRun(explorer, counter);
  }

  /** Gives the turn to the task whose it is; false if it is that one already. */
  #takesTurn(point: Point, counter: TallyCounter): boolean {
    const wanted = this.#pick(point);
    if (wanted === point.task.id) return false;
    const explorer = this.#explorer;
    const { state } = explorer.machine.kernel;
    const { vcpu } = taskOf(state, wanted);
    const isHere = vcpu === point.task.vcpu;
    const interruption = isHere
      ? ({ kind: 'preempt', by: wanted, until: COMPLETION } as const)
      : ({ kind: 'overtake', vcpu, until: COMPLETION } as const);
    const placed = explorer.place(point, interruption);
    counter.cover(placed, explorer.made.length);
    if (isHere) explorer.make({ decision: { kind: 'switch', vcpu, task: wanted } });
    else explorer.make({ turnTo: vcpu });
    explorer.note(placed);
    // The kernel may have extended the time slice of who runs.
    return !isHere || vcpuOf(state, vcpu).current === wanted;
  }

  #pick({ task }: Point): number {
    const { tasks } = this.#explorer.machine.kernel.state;
    const runnable = tasks.filter(
      ({ state }) => state.kind === 'ready' || state.kind === 'running',
    );
    if (this.#runner.task !== 0 && !runnable.some(({ id }) => id === this.#runner.task)) {
      this.#runner = { task: 0, steps: 0, instructions: 0 };
    }
    if (this.isFair) return this.#pickFairly(runnable.map(({ id }) => id)) ?? task.id;
    return runnable.reduce((a, b) => (this.#priorityOf(b.id) > this.#priorityOf(a.id) ? b : a)).id;
  }

  #pickFairly(runnable: readonly number[]): number | undefined {
    if (this.#runner.task !== 0 && this.#runner.instructions < FAIR_INSTRUCTIONS) {
      return this.#runner.task;
    }
    const task = this.#draws.oneOf(runnable);
    if (task !== undefined) this.#runner = { task, steps: 0, instructions: 0 };
    return task;
  }

  /** A task that no pilot run had is put in at a random rank. */
  #priorityOf(task: number): number {
    let priority = this.#priorities.get(task);
    if (priority === undefined) {
      const { depth } = this.#explorer.bounds;
      priority = depth - 0.5 + this.#draws.between(0, this.#scale.tasks) + task / 1024;
      this.#priorities.set(task, priority);
    }
    return priority;
  }

  /** Whether something was drawn to happen before this step; then it has happened. */
  #changesHere(point: Point, counter: TallyCounter): boolean {
    const explorer = this.#explorer;
    const interruptions = explorer.movesAt(point).filter(({ way }) => way === undefined);
    this.actions = Math.max(this.actions, 1 + interruptions.length);
    const priority = this.#changes.get(this.steps + 1);
    if (priority === undefined || this.isFair) return false;
    this.#changes.delete(this.steps + 1);
    const move: Move | undefined = interruptions[this.#draws.between(0, interruptions.length) - 1];
    if (move === undefined) {
      this.#priorities.set(point.task.id, priority);
      return true;
    }
    const placed = explorer.place(point, move.interruption(COMPLETION));
    counter.cover(placed, explorer.made.length);
    explorer.make(move);
    explorer.note(placed);
    return true;
  }

  #advance(point: Point, counter: TallyCounter): void {
    const explorer = this.#explorer;
    const { id } = point.task;
    const before = explorer.retiredBy(id);
    // A turn of the policy must not end while priorities decide.
    explorer.make({ turnTo: explorer.turn });
    if (explorer.isNear(point)) explorer.step(point);
    else explorer.driver.run(taskOf(explorer.machine.kernel.state, id), CHUNK_INSTRUCTIONS);
    if (point.isBoundary) this.steps++;
    const last = this.#runner.task === id ? this.#runner : { steps: 0, instructions: 0 };
    this.#runner = {
      task: id,
      steps: last.steps + (point.isBoundary ? 1 : 0),
      instructions: last.instructions + explorer.retiredBy(id) - before,
    };
    const seemsToSpin =
      this.#runner.steps > SPIN_RUNS * this.#scale.steps ||
      this.#runner.instructions > SPIN_INSTRUCTIONS;
    if (seemsToSpin && !this.isFair) {
      this.isFair = true;
      counter.cut('spin');
    }
  }
}
