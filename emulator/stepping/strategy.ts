import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';
import type { Task, TaskId } from '../../kernel-model/task/task.ts';
import type { ScheduleView, Strategy } from '../machine/strategy.ts';

/**
 * What the other tasks do while one is stepped: 'hold' them (gdb's scheduler-locking on), or let them
 * 'run' as the scheduler has it. While the stepped task is blocked they always run.
 */
export type OtherTasks = 'hold' | 'run';

/**
 * Makes a task retire one instruction at a time; everything else is up to the scheduler it stands in
 * front of.
 */
export class SteppingStrategy implements Strategy {
  /** Whether the last decision let the stepped task run. */
  ranTask = false;
  others: OtherTasks = 'run';
  readonly #scheduler: Strategy;
  readonly #id: TaskId;
  /** Instructions that the scheduler gave the task and that it has not used. */
  #granted = 0;

  constructor(scheduler: Strategy, id: TaskId) {
    this.#scheduler = scheduler;
    this.#id = id;
  }

  next(view: ScheduleView): Decision {
    this.ranTask = false;
    const task = view.state.tasks[this.#id - 1];
    const isRunning = task?.state.kind === 'running';
    if (this.others === 'hold' && task !== undefined) {
      if (isRunning) return this.#runOne(task);
      if (task.state.kind === 'ready') {
        return { kind: 'switch', vcpu: task.vcpu, task: task.id };
      }
    }
    const vcpu = isRunning ? view.state.vcpus[task.vcpu] : undefined;
    if (!isRunning || vcpu?.needResched === true) this.#granted = 0;
    if (isRunning && this.#granted > 0) return this.#runOne(task);
    const decision = this.#scheduler.next(view);
    if (!isRunning || decision.kind !== 'run' || decision.vcpu !== task.vcpu) return decision;
    this.#granted = decision.instructions;
    return this.#runOne(task);
  }

  #runOne(task: Task): Decision {
    this.ranTask = true;
    this.#granted--;
    return { kind: 'run', vcpu: task.vcpu, instructions: 1 };
  }

  choose(point: ChoicePoint): number {
    return this.#scheduler.choose(point);
  }
}
