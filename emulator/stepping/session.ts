import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { SectionEnd } from '../machine/sections.ts';
import type { Strategy } from '../machine/strategy.ts';
import { readInstruction } from './flow.ts';
import { LiveTask } from './live-task.ts';
import type { StepPolicy } from './policy.ts';
import { type OtherTasks, SteppingStrategy } from './strategy.ts';

/** Which task is stepped, from where, and how. */
export interface SteppingOptions {
  readonly task: TaskId;
  readonly policy: StepPolicy;
  readonly others: OtherTasks;
  /** Stepping begins where the task first reaches this address; left out: at its first instruction. */
  readonly from?: number | undefined;
  /** Steps after which the task runs on by itself. */
  readonly maxSteps?: number | undefined;
  /** The scheduler for everything that is not the stepped task. */
  readonly scheduler: Strategy;
}

/** What happened to a critical section of the stepped task. */
export interface SectionMark {
  readonly kind: 'entered' | SectionEnd;
  readonly region: ArmedRegion;
}

/** One step of the stepped task, after it was made. */
export interface StepRecord {
  /** Where the task was. */
  readonly from: number;
  /** The instruction there, and what follows it; `undefined` if it cannot be read. */
  readonly code: Uint8Array | undefined;
  /** Where it is stopped now; 0 if it has ended. */
  readonly to: number;
  /** Instructions that the step retired, of this task alone. */
  readonly instructions: number;
  readonly marks: readonly SectionMark[];
  /** How often in a row attempts at one section have failed, this step included. */
  readonly failuresInRow: number;
}

/**
 * Runs a booted machine with one task under a debugger. Everything it does is recorded as decisions,
 * so the schedule replays without it. A section that never gets through because of the stops ends as
 * the machine's own livelock.
 */
export class SteppingSession {
  readonly #machine: Machine;
  readonly #options: SteppingOptions;
  readonly #onStep: (step: StepRecord) => void;
  readonly #strategy: SteppingStrategy;
  readonly #task: LiveTask;
  #ends: SectionMark[] = [];
  #hasBegun = false;
  #steps = 0;

  /** `onStep` is told of each step. */
  constructor(machine: Machine, options: SteppingOptions, onStep: (step: StepRecord) => void) {
    this.#machine = machine;
    this.#options = options;
    this.#onStep = onStep;
    this.#strategy = new SteppingStrategy(options.scheduler, options.task);
    this.#task = new LiveTask(machine, this.#strategy, options.task);
    machine.onSectionEnd = (task, kind, region) => {
      if (task === options.task) this.#ends.push({ kind, region });
    };
  }

  /** Steps made so far; 0 as long as the task has not come to where stepping begins. */
  get steps(): number {
    return this.#steps;
  }

  /** Makes one step, or takes one decision where nothing is stepped; the outcome once there is one. */
  step(): Outcome | undefined {
    if (!this.#task.exists || this.#task.hasEnded || this.#isThrough()) {
      return this.#machine.step(this.#options.scheduler);
    }
    if (!this.#hasBegun) this.#approach();
    else this.#makeStep();
    return this.#machine.outcome;
  }

  /** Steps to the end of the run. */
  runToEnd(): Outcome {
    for (;;) {
      const outcome = this.step();
      if (outcome !== undefined) return outcome;
    }
  }

  #isThrough(): boolean {
    return this.#steps >= (this.#options.maxSteps ?? Number.POSITIVE_INFINITY);
  }

  /** Until stepping begins the task shares the vCPUs with the others. */
  #approach(): void {
    const { from, others } = this.#options;
    this.#hasBegun = from === undefined || this.#task.instructionPointer === from;
    if (this.#hasBegun) this.#strategy.others = others;
    else this.#task.retire();
  }

  #makeStep(): void {
    const { sections, kernel } = this.#machine;
    const { task: id, policy } = this.#options;
    const from = this.#task.instructionPointer;
    const code = readInstruction((address, length) => this.#task.code(address, length), from);
    const retiredBefore = this.#task.retired;
    const inFlight = sections.inFlight(id);
    this.#ends = [];
    policy.step(this.#task);
    this.#steps++;
    this.#onStep({
      from,
      code,
      to: this.#task.instructionPointer,
      instructions: this.#task.retired - retiredBefore,
      marks: withEntries(inFlight, this.#ends, sections.inFlight(id)),
      failuresInRow: kernel.state.tasks[id - 1]?.abortsInRow ?? 0,
    });
  }
}

/** The ends of sections in a step, and the entries that must have come before each. */
function withEntries(
  before: ArmedRegion | undefined,
  ends: readonly SectionMark[],
  after: ArmedRegion | undefined,
): readonly SectionMark[] {
  const marks: SectionMark[] = [];
  let current = before;
  for (const end of ends) {
    if (current === undefined) marks.push({ kind: 'entered', region: end.region });
    marks.push(end);
    current = undefined;
  }
  if (current === undefined && after !== undefined) marks.push({ kind: 'entered', region: after });
  return marks;
}
