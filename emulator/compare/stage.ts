import { assert } from '../../kernel-model/assert.ts';
import type { KernelProfile, RseqContext } from '../../kernel-model/rseq/variant.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { MachineSnapshot } from '../machine/run.ts';
import type { Strategy } from '../machine/strategy.ts';
import { bootMeasured, type MeasuredRun } from './subject.ts';

/** Enough operations for every probe, and far more than any of them lets happen. */
const OPERATIONS = '10000';
const FIRST_TASK = 1;
const SETUP_SLICE_INSTRUCTIONS = 1000;
const SETUP_SLICES_MAX = 1000;
const INSTRUCTIONS_MAX = 100_000_000;

/** New tasks go to vCPU 0; the stage makes every other choice itself. */
const STAGE_STRATEGY: Strategy = {
  next: () => {
    throw new Error('assertion failed: a stage takes its own decisions');
  },
  choose: ({ candidates }) => Math.max(0, candidates.indexOf(0)),
};

/** What came of one attempt at an operation. */
export interface Attempted {
  /** The task got as far as a commit within what it was given. */
  readonly isThrough: boolean;
  readonly instructions: number;
}

/**
 * Worker tasks of a workload on one vCPU, each at the beginning of an operation, and nobody moves
 * unless told to: what `compare` asks its questions on. Workers are numbered from 0; in the long
 * section those with an even number share one object, those with an odd number another.
 */
export class Stage {
  readonly machine: Machine;
  readonly run: MeasuredRun;

  /** Starts `workers` tasks; `undefined` if an operation of theirs has no section that commits. */
  static open(
    machine: Machine,
    profile: KernelProfile,
    image: ProgramImage,
    { workers, vcpus }: { readonly workers: number; readonly vcpus: number },
  ): Stage | undefined {
    const run = bootMeasured(machine, {
      profile,
      image,
      args: [String(workers), OPERATIONS],
      vcpus,
      maxInstructions: INSTRUCTIONS_MAX,
      strategy: STAGE_STRATEGY,
    });
    const stage = new Stage(machine, run);
    return stage.#setUp(workers) ? stage : undefined;
  }

  private constructor(machine: Machine, run: MeasuredRun) {
    this.machine = machine;
    this.run = run;
  }

  #setUp(workers: number): boolean {
    this.dispatch(FIRST_TASK);
    for (let slices = 0; this.#isCurrent(FIRST_TASK); slices++) {
      assert(slices < SETUP_SLICES_MAX, 'the first task waits for its workers');
      this.advance(FIRST_TASK, SETUP_SLICE_INSTRUCTIONS);
    }
    for (let worker = 0; worker < workers; worker++) {
      this.dispatch(this.task(worker));
      if (!this.commit(this.task(worker)).isThrough) return false;
    }
    this.dispatch(this.task(0));
    return true;
  }

  task(worker: number): TaskId {
    return FIRST_TASK + 1 + worker;
  }

  /** What an rseq variant may see of a worker's task. */
  contextOf(worker: number): RseqContext {
    const task = this.machine.kernel.state.tasks[this.task(worker) - 1];
    assert(task !== undefined, 'the worker was started', worker);
    return this.machine.kernel.rseqContext(task);
  }

  vcpuOf(task: TaskId): number {
    return this.machine.kernel.state.tasks[task - 1]?.vcpu ?? 0;
  }

  #isCurrent(task: TaskId): boolean {
    return this.machine.kernel.state.vcpus[this.vcpuOf(task)]?.current === task;
  }

  /** A reschedule that gives the task its vCPU, from itself or from another. */
  dispatch(task: TaskId): void {
    this.machine.apply({ kind: 'switch', vcpu: this.vcpuOf(task), task });
  }

  /** Moves the task to another vCPU and lets it run there. */
  moveTo(task: TaskId, vcpu: number): void {
    this.machine.apply({ kind: 'migrate', task, vcpu });
    this.dispatch(task);
  }

  /** The task, which has its vCPU, runs so many instructions. */
  advance(task: TaskId, instructions: number): void {
    this.machine.apply({ kind: 'run', vcpu: this.vcpuOf(task), instructions });
  }

  /** Runs the task, alone and by single instructions, to its next commit or `limitInstructions`. */
  commit(task: TaskId, limitInstructions = 2000): Attempted {
    const { sections } = this.machine;
    const before = sections.counts.committed;
    let instructions = 0;
    while (instructions < limitInstructions && sections.counts.committed === before) {
      this.advance(task, 1);
      instructions++;
    }
    return { isThrough: sections.counts.committed > before, instructions };
  }

  /** Restarts of the task since the last `restore`. */
  restartsOf(task: TaskId): number {
    return this.run.attempts.restartsOf(task);
  }

  save(): MachineSnapshot {
    return this.machine.snapshot();
  }

  restore(snapshot: MachineSnapshot): void {
    this.machine.restore(snapshot);
    this.run.attempts.reset();
  }
}
