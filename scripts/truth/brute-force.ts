import type { ProgramImage } from '../../emulator/loader/image.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { isPass, type Outcome } from '../../emulator/machine/outcome.ts';
import type { MachineSnapshot } from '../../emulator/machine/run.ts';
import { extendKey } from '../../emulator/machine/state-keys.ts';
import type { KernelProfile } from '../../kernel-model/rseq/variant.ts';
import { isAnythingRunnable } from '../../kernel-model/sched/idle.ts';
import type { Task } from '../../kernel-model/task/task.ts';
import { type Action, type ActionKind, actionsOn } from './actions.ts';
import type { Scope } from './scope.ts';
import { answer, FIRST_TURN, nextTurn, type Turn, turnOf } from './turns.ts';

/** What is run, and how much of it is tried. */
export interface Trial {
  readonly image: ProgramImage;
  readonly args: readonly string[];
  readonly profile: KernelProfile;
  readonly vcpus: number;
  /** Signals that may come from outside, by number. */
  readonly signals: readonly number[];
  /** Interruptions of one schedule, at most. */
  readonly interruptions: number;
  /** Which kinds there are; all if left out. */
  readonly kinds?: ReadonlySet<ActionKind>;
  /** Instructions of one schedule, at most; more is a hang. */
  readonly maxInstructions: number;
  /** Leave out what follows from a state that was met before. */
  readonly merge: boolean;
  /** Which instructions are boundaries. */
  readonly scope: Scope;
}

/** An interruption that was made. */
export interface MadeAction {
  readonly kind: ActionKind;
  readonly task: number;
  /** The instruction that the task was about to execute. */
  readonly address: number;
  /** Instructions that somebody else ran before the task came back; undefined: as many as it could. */
  readonly until: number | undefined;
}

/** A schedule that ends other than a correct program does. */
export interface Breakage {
  readonly actions: readonly MadeAction[];
  readonly outcome: Outcome;
}

export interface Truth {
  /** 'incomplete': nothing failed, but some schedule ran into what cannot be told from a hang. */
  readonly verdict: 'pass' | 'fail' | 'incomplete';
  /** The first schedule that failed, of those with the fewest interruptions. */
  readonly breakage: Breakage | undefined;
  readonly schedules: number;
  readonly merged: number;
  /** Schedules over the limit of instructions, and ones that came upon something unsupported. */
  readonly hung: number;
  readonly unsupported: number;
  /** Addresses of the instructions before which actions were tried. */
  readonly boundaries: ReadonlySet<number>;
}

interface Position {
  readonly snapshot: MachineSnapshot;
  readonly turn: Turn;
}

/** Thrown to leave all paths: a schedule failed. */
class Broken extends Error {}

/** Who interrupts is followed for so many instructions. */
const FOLLOWED_INSTRUCTIONS_MAX = 2000;

/**
 * Tries every action before every instruction of every task, alone, then in ordered pairs, and so
 * on: the truth that the search is judged by. It shares no code with it and knows nothing of
 * sections: the machine is stepped along the undisturbed schedule one instruction at a time, and
 * each action starts a schedule of its own; who runs instead goes on to its end, and in further
 * schedules stops after each number of instructions.
 */
export class BruteForce {
  readonly #machine: Machine;
  readonly #trial: Trial;
  #turn: Turn = FIRST_TURN;
  #made: MadeAction[] = [];
  #breakage: Breakage | undefined;
  #schedules = 0;
  #merged = 0;
  #hung = 0;
  #unsupported = 0;
  #paths = 0;
  readonly #boundaries = new Set<number>();
  #seen = new Map<number, { budget: number; path: number }>();

  constructor(machine: Machine, trial: Trial) {
    this.#machine = machine;
    this.#trial = trial;
  }

  run(): Truth {
    try {
      for (let budget = 0; budget <= this.#trial.interruptions; budget++) {
        this.#boot();
        this.#walk(budget);
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
    }
    const isComplete = this.#hung + this.#unsupported === 0;
    return {
      verdict: this.#breakage !== undefined ? 'fail' : isComplete ? 'pass' : 'incomplete',
      breakage: this.#breakage,
      schedules: this.#schedules,
      merged: this.#merged,
      hung: this.#hung,
      unsupported: this.#unsupported,
      boundaries: this.#boundaries,
    };
  }

  #boot(): void {
    const { image, args, profile, vcpus, maxInstructions } = this.#trial;
    this.#turn = FIRST_TURN;
    this.#made = [];
    this.#seen = new Map();
    this.#machine.boot({
      program: { image, args, env: [] },
      profile,
      vcpus,
      seed: 1,
      maxInstructions,
      strategy: {
        next: () => {
          throw new Error('assertion failed: decisions come from the trial');
        },
        choose: answer,
      },
      output: () => {},
    });
  }

  /** Goes on to the end of the run, with at most `budget` actions on the way. */
  #walk(budget: number): void {
    const path = ++this.#paths;
    if (budget === 0 && this.#isSeen(0, path) !== 'no') {
      this.#leave();
      return;
    }
    for (;;) {
      const task = this.#advance();
      if (task === undefined) {
        this.#end();
        return;
      }
      const address = this.#addressOf(task);
      if (budget === 0 || task.id === 1) {
        this.#run(task, this.#turn.left);
      } else if (!this.#trial.scope.has(task.id, address)) {
        this.#run(task, 1);
      } else {
        const seen = this.#isSeen(budget, path);
        if (seen === 'elsewhere') {
          this.#leave();
          return;
        }
        if (seen === 'no') this.#branch(task, address, budget - 1);
        this.#run(this.#runner(task.id), 1);
      }
    }
  }

  /** Each action before an instruction, and what follows from it; then all is as before. */
  #branch(task: Task, address: number, budget: number): void {
    this.#boundaries.add(address);
    const here = this.#save();
    const { id } = task;
    const { signals, kinds } = this.#trial;
    for (const action of actionsOn(this.#machine.kernel.state, task, signals)) {
      if (kinds?.has(action.kind) === false) continue;
      const made = { kind: action.kind, task: id, address };
      this.#restore(here);
      this.#make(action);
      this.#follow({ ...made, until: undefined }, budget);
      if (action.back === undefined) continue;
      this.#restore(here);
      this.#make(action);
      this.#stops(made, action.back, budget);
    }
    this.#restore(here);
  }

  /** Who runs instead is stopped after each number of instructions. */
  #stops(made: Omit<MadeAction, 'until'>, back: NonNullable<Action['back']>, budget: number): void {
    const first = this.#advance();
    // It belongs to the vCPU that was given the turn, or there is nothing to stop.
    if (first === undefined || first.id === made.task || first.id === 1) return;
    for (let until = 1; until <= FOLLOWED_INSTRUCTIONS_MAX; until++) {
      this.#run(this.#runner(first.id), 1);
      const runner = this.#advance();
      if (runner?.id !== first.id) return;
      if (!this.#trial.scope.has(runner.id, this.#addressOf(runner))) continue;
      const there = this.#save();
      this.#make(back);
      this.#follow({ ...made, until }, budget);
      this.#restore(there);
    }
  }

  #follow(made: MadeAction, budget: number): void {
    this.#made.push(made);
    this.#walk(budget);
    this.#made.pop();
  }

  #make({ decision, turn }: Pick<Action, 'decision' | 'turn'>): void {
    if (decision !== undefined) this.#machine.apply(decision);
    if (turn !== this.#turn.vcpu) this.#turn = turnOf(turn);
  }

  /** Takes the decisions that interrupt nobody; the task that runs next, undefined once all is over. */
  #advance(): Task | undefined {
    const machine = this.#machine;
    while (machine.outcome === undefined) {
      const { state } = machine.kernel;
      if (!isAnythingRunnable(state)) {
        machine.step();
        continue;
      }
      const next = nextTurn(state, this.#turn);
      this.#turn = next.turn;
      if (next.kind === 'run') return this.#runner(next.task);
      machine.apply(next.decision);
    }
    return undefined;
  }

  #run(task: Task, instructions: number): void {
    const before = this.#machine.counts.instructions;
    this.#machine.apply({ kind: 'run', vcpu: task.vcpu, instructions });
    const left = this.#turn.left - (this.#machine.counts.instructions - before);
    this.#turn = { ...this.#turn, left };
  }

  /** Whether all that can follow with so many actions was tried, by another path or by this one. */
  #isSeen(budget: number, path: number): 'no' | 'here' | 'elsewhere' {
    if (!this.#trial.merge || this.#machine.outcome !== undefined) return 'no';
    const key = extendKey(this.#machine.stateKey(), this.#turn.vcpu);
    const known = this.#seen.get(key);
    if (known !== undefined && known.budget >= budget) {
      return known.path === path ? 'here' : 'elsewhere';
    }
    this.#seen.set(key, { budget, path });
    return 'no';
  }

  #leave(): void {
    this.#merged++;
    this.#schedules++;
  }

  #end(): void {
    this.#schedules++;
    const { outcome } = this.#machine;
    if (outcome === undefined || isPass(outcome)) return;
    if (outcome.kind === 'unsupported' || outcome.kind === 'diverged') {
      this.#unsupported++;
      return;
    }
    if (outcome.kind === 'budget') this.#hung++;
    if (outcome.kind === 'budget' && this.#made.length > 0) return;
    this.#breakage = { actions: [...this.#made], outcome };
    throw new Broken();
  }

  #runner(id: number): Task {
    const task = this.#machine.kernel.state.tasks[id - 1];
    if (task === undefined) throw new Error(`assertion failed: there is a task ${id}`);
    return task;
  }

  #addressOf(task: Task): number {
    return this.#machine.kernel.host.registers(task.id).instructionPointer;
  }

  #save(): Position {
    return { snapshot: this.#machine.snapshot(), turn: this.#turn };
  }

  #restore({ snapshot, turn }: Position): void {
    this.#machine.restore(snapshot);
    this.#turn = turn;
  }
}
