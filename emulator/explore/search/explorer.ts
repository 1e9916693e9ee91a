import type { KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { NO_STOPS, type RunStops } from '../../engine/engine.ts';
import type { Machine } from '../../machine/machine.ts';
import { isPass, type Outcome } from '../../machine/outcome.ts';
import type { Program } from '../../machine/program.ts';
import type { MachineSnapshot } from '../../machine/run.ts';
import { extendKey, hashText } from '../../machine/state-keys.ts';
import { RunValidators } from '../../validate/dynamic/run-validators.ts';
import type { Finding } from '../../validate/finding.ts';
import { outcomeOfFindings } from '../../validate/verdict.ts';
import { bootOrdered } from '../ordered-run.ts';
import type { SearchBounds } from './bounds.ts';
import { Driver, type DriverImage } from './driver.ts';
import type { Interruption, PlacedInterruption } from './interruption.ts';
import { type Move, movesAt, type Step } from './moves.ts';
import { type Lesson, learnBoundaries } from './profile-run.ts';
import { type Entries, Window } from './window.ts';

/** The program whose schedules are searched, and what it runs on. */
export interface SearchedProgram {
  readonly program: Program;
  readonly profile: KernelProfile;
  readonly vcpus: number;
  readonly seed: number;
  /** Given where validators are to watch every schedule. */
  readonly watching?: Watching;
}

const NO_SUSPICIONS: ReadonlySet<string> = new Set();

/** What watching schedules takes. */
export interface Watching {
  /** Opens a machine that logs loads, for a second look at runs that ask for it. */
  readonly openLogging: () => Machine;
}

/** A task about to execute an instruction. */
export interface Point {
  readonly task: Task;
  readonly address: number;
  /** Whether it is a boundary: one of the places where the search interrupts. */
  readonly isBoundary: boolean;
}

/**
 * Everything that a path has behind it. Opaque; valid for the explorer that made it, until it
 * starts anew.
 */
export interface Position {
  readonly snapshot: MachineSnapshot;
  readonly driver: DriverImage;
  readonly entries: Entries;
  readonly made: readonly PlacedInterruption[];
}

/** How far to go at most: see Explorer.approach. */
interface Approach {
  readonly limitInstructions?: number;
  /** Not beyond starts and ends of sections either. */
  readonly stopsAtSections?: boolean;
  /** Nor beyond this instruction. */
  readonly alsoAt?: number | undefined;
}

const SECTION_STOPS: RunStops = { ...NO_STOPS, boundaries: true };

/**
 * What all strategies search with: a machine that runs the program along the continuation policy
 * from one point of interest to the next, the moves at each, and ways back.
 */
export class Explorer {
  readonly machine: Machine;
  readonly bounds: SearchBounds;
  readonly searched: SearchedProgram;
  readonly #validators: RunValidators | undefined;
  #lesson: Lesson | undefined;
  #logging: Machine | undefined;
  #driver: Driver;
  #window: Window | undefined;
  #made: readonly PlacedInterruption[] = [];

  constructor(machine: Machine, searched: SearchedProgram, bounds: SearchBounds) {
    this.machine = machine;
    this.bounds = bounds;
    this.searched = searched;
    const { watching, program, profile } = searched;
    this.#validators = watching && new RunValidators(machine, program.image, profile);
    this.#driver = new Driver(machine);
  }

  /** Where to interrupt, learnt from runs without interruption on first use: a run goes lost. */
  get lesson(): Lesson {
    if (this.#lesson === undefined) {
      this.#lesson = learnBoundaries(() => {
        this.#boot();
        return this.#driver;
      }, this.bounds.entries);
    }
    return this.#lesson;
  }

  /** What validators found on this path. */
  get findings(): readonly Finding[] {
    return this.#validators?.findings ?? [];
  }

  /** Names of what on this path takes a second look: see RunValidators. */
  get suspicions(): ReadonlySet<string> {
    return this.#validators?.suspicions ?? NO_SUSPICIONS;
  }

  /** How the run came out that has ended here, with what a second look finds. */
  settledOutcome(): Outcome {
    const outcome = this.machine.runToEnd();
    if (!isPass(outcome) || this.suspicions.size === 0) return outcome;
    return outcomeOfFindings(this.lookAgain()) ?? outcome;
  }

  /** What validators find in the run that has ended here when they look at all its accesses. */
  lookAgain(): readonly Finding[] {
    const { watching } = this.searched;
    if (watching === undefined) return [];
    this.#logging ??= watching.openLogging();
    const { decisions } = this.machine;
    const maxInstructions = this.bounds.instructions;
    const { validators } = bootOrdered(this.#logging, {
      ...this.searched,
      maxInstructions,
      decisions,
    });
    this.#logging.runToEnd();
    return validators.findings;
  }

  /** The interruptions made on this path, in order. */
  get made(): readonly PlacedInterruption[] {
    return this.#made;
  }

  /** The vCPU whose turn it is under the continuation policy. */
  get turn(): number {
    return this.#driver.turn;
  }

  /** Instructions that a task has retired since it was created. */
  retiredBy(task: number): number {
    return this.#driver.retiredBy(task);
  }

  get driver(): Driver {
    return this.#driver;
  }

  /** Starts the program from scratch. */
  start(): void {
    this.#window = this.#newWindow();
    this.#made = [];
    this.#boot();
  }

  #boot(): void {
    const { program, profile, vcpus, seed } = this.searched;
    this.#driver = new Driver(this.machine);
    this.#validators?.reset();
    this.machine.boot({
      program,
      profile,
      vcpus,
      seed,
      maxInstructions: this.bounds.instructions,
      strategy: this.#driver.strategy,
      output: () => {},
      ...(this.#validators !== undefined && { watcher: this.#validators }),
    });
  }

  get #theWindow(): Window {
    this.#window ??= this.#newWindow();
    return this.#window;
  }

  #newWindow(): Window {
    return new Window(this.lesson.map, this.bounds.entries, {
      regionOf: (task) => this.#driver.regionOf(task),
      sendsSignal: (task) => this.#driver.sendsSignal(task),
    });
  }

  /** The task whose instruction is next under the policy; `undefined` once the run has ended. */
  here(): Point | undefined {
    const task = this.#driver.nextTask();
    if (task === undefined) return undefined;
    const address = this.#driver.addressOf(task);
    return { task, address, isBoundary: this.#theWindow.isBoundary(task, address) };
  }

  /** Whether boundaries of the task may still come within the window. */
  isNear({ task, address, isBoundary }: Point): boolean {
    return isBoundary || this.#theWindow.isNear(task, address);
  }

  /** Whether the instruction is inside a section that it was learnt from. */
  isInside({ address }: Point): boolean {
    return this.lesson.map.isInside(address);
  }

  /** Executes one instruction of the task that `here` gave. */
  step({ task: { id }, address }: Point): void {
    // Going back to a snapshot replaces all tasks.
    const task = taskOf(this.machine.kernel.state, id);
    this.#theWindow.note(task, address);
    this.#driver.run(task, 1);
  }

  /**
   * Goes on to the next boundary of the task that `here` gave, by one instruction if it is at one or may
   * be at each; less far where the kernel is entered. Returns the instructions retired.
   */
  approach(point: Point, approach: Approach = {}): number {
    const task = taskOf(this.machine.kernel.state, point.task.id);
    if (point.isBoundary || task.abortsInRow > 0) {
      this.step(point);
      return 1;
    }
    const { limitInstructions = Number.POSITIVE_INFINITY, stopsAtSections, alsoAt } = approach;
    const stops = this.#theWindow.stopsOf(task, stopsAtSections ?? false, alsoAt);
    return this.#driver.runToStop(task, limitInstructions, stops);
  }

  /** Lets the task that `here` gave run on until it waits, ends or seems to spin. */
  runOn({ task: { id } }: Point): void {
    this.#driver.run(taskOf(this.machine.kernel.state, id), Number.POSITIVE_INFINITY);
  }

  /** Lets the task that `here` gave run up to the next start or end of a section, or till it waits. */
  runToSection({ task: { id } }: Point): void {
    const task = taskOf(this.machine.kernel.state, id);
    this.#driver.runToStop(task, Number.POSITIVE_INFINITY, SECTION_STOPS);
  }

  /**
   * Goes on to the next boundary; `undefined` once the run has ended. Code that has no boundaries ahead
   * is not stepped.
   */
  nextBoundary(): Point | undefined {
    for (;;) {
      const point = this.here();
      if (point === undefined || point.isBoundary) return point;
      if (this.isNear(point)) this.approach(point);
      else this.runOn(point);
    }
  }

  /** What can happen to the task before its instruction. */
  movesAt({ task: { id } }: Point): Move[] {
    const { state } = this.machine.kernel;
    return movesAt(state, taskOf(state, id), this.bounds.signals);
  }

  /** Carries a move, or a part of one, out. */
  make({ decision, turnTo }: Step): void {
    if (decision !== undefined) this.machine.apply(decision);
    if (turnTo !== undefined) this.#driver.turnTo(turnTo);
  }

  /** An interruption of a point, with its place, to be noted once it was made. */
  place({ task: { id }, address }: Point, interruption: Interruption): PlacedInterruption {
    const task = taskOf(this.machine.kernel.state, id);
    const retired = this.#driver.retiredBy(id);
    return { task: id, vcpu: task.vcpu, retired, address, interruption };
  }

  /** Notes an interruption that was made on this path. */
  note(placed: PlacedInterruption): void {
    this.#made = [...this.#made, placed];
  }

  /** Key of the state, equal where the run goes on alike without interruption. */
  key(): number {
    const key = extendKey(this.machine.stateKey(), this.#driver.turn);
    const validators = this.#validators?.key ?? '';
    return validators === '' ? key : extendKey(key, hashText(validators));
  }

  /** That key with what is left of the window, for where interruptions are still to come. */
  withWindow(key: number): number {
    return extendKey(key, this.#theWindow.key);
  }

  /** What the key stands for, in full. */
  describe(): Uint8Array {
    return this.machine.describeState();
  }

  save(): Position {
    return {
      snapshot: this.machine.snapshot(),
      driver: this.#driver.save(),
      entries: this.#theWindow.save(),
      made: this.#made,
    };
  }

  restore({ snapshot, driver, entries, made }: Position): void {
    this.machine.restore(snapshot);
    this.#driver.restore(driver);
    this.#theWindow.restore(entries);
    this.#made = made;
  }
}
