import { AUXV_RANDOM_BYTES } from '../../kernel-model/abi/auxv.ts';
import { assert, assertNever } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { Kernel } from '../../kernel-model/kernel.ts';
import type { KernelHost } from '../../kernel-model/kernel-state.ts';
import { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { MemoryImages } from '../../kernel-model/mm/memory-images.ts';
import { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import { noteFailedAttempt, noteProgress } from '../../kernel-model/rseq/progress.ts';
import type { ArmedRegion } from '../../kernel-model/rseq/variant.ts';
import type { ChoicePoint, Decision } from '../../kernel-model/sched/decision.ts';
import { isAnythingRunnable } from '../../kernel-model/sched/idle.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import { randomBytes } from '../../kernel-model/syscalls/random.ts';
import type { Task, TaskId } from '../../kernel-model/task/task.ts';
import { type Engine, NO_STOPS, type RunStops } from '../engine/engine.ts';
import { Armings } from './armings.ts';
import { ClockWatch } from './clock-watch.ts';
import { type CpuSlot, CpuSlots, liveTaskIds } from './cpu-slots.ts';
import { DecisionLog } from './decision-log.ts';
import { applicationError, decisionToString, isPreemption } from './decisions.ts';
import { skipIdleTime } from './idle-time.ts';
import { copyKernelState, restoreKernelState } from './kernel-copy.ts';
import { kernelHost } from './kernel-host.ts';
import { type Outcome, outcomeOfEnding, outcomeOfError, outcomeOfLimits } from './outcome.ts';
import { ProgramLoader, writeInitialStack } from './program.ts';
import type { MachineSnapshot, RunCounts, RunOptions } from './run.ts';
import { NO_SECTIONS, type SectionListener, Sections } from './sections.ts';
import { Slice } from './slice.ts';
import { StateIdentity } from './state-identity.ts';
import { extendKey } from './state-keys.ts';
import { ScheduleDivergence, type Strategy } from './strategy.ts';

const NO_COUNTS: RunCounts = { instructions: 0, preemptions: 0, migrations: 0, signals: 0 };
/** A livelock is so many aborts of one section in a row in one task. */
const LIVELOCK_ABORTS = 10_000;

/**
 * The composition root: an engine, a kernel model and a strategy over shared guest RAM. It carries out
 * decisions one at a time, records them, and can save and restore everything in between. One machine
 * serves many runs: `boot` starts over.
 */
export class Machine {
  readonly memory: PhysicalMemory;
  readonly sections: Sections;
  /** Told of each section that ends: for who watches a run. */
  onSectionEnd: SectionListener | undefined;
  readonly #engine: Engine;
  readonly #decisions = new DecisionLog();
  readonly #images: MemoryImages;
  readonly #slots: CpuSlots;
  readonly #programs: ProgramLoader;
  readonly #armings = new Armings();
  readonly #identity: StateIdentity;
  #run: RunOptions | undefined;
  /** Answers choices that come up while a decision is carried out. */
  #strategy: Strategy | undefined;
  #kernel: Kernel | undefined;
  #slice: Slice | undefined;
  #spaces: AddressSpace[] = [];
  #instructions = 0;
  #preemptions = 0;
  #migrations = 0;
  #signals = 0;
  #clock = new ClockWatch();
  #outcome: Outcome | undefined;
  #rejection = '';
  /** A task was aborted too often in a row. */
  #livelock: Outcome | undefined;

  /** `touchedLimitPages` bounds the guest memory that may be written. */
  constructor(engine: Engine, touchedLimitPages: number) {
    this.#engine = engine;
    this.memory = new PhysicalMemory(engine.ram, touchedLimitPages);
    this.memory.onCodeWrite = (frame) => {
      this.#engine.codeChanged(frame * PAGE_SIZE);
      this.#identity.codeChanged();
      this.#armings.forget(this.#slots.all.map((slot) => slot.cpu));
    };
    this.#images = new MemoryImages(this.memory);
    this.#programs = new ProgramLoader(this.memory, this.#images);
    this.#slots = new CpuSlots(engine, (cpu) => this.#armings.teach(cpu));
    this.#identity = new StateIdentity(this.memory, this.#slots, this.#armings);
    this.sections = new Sections((id, end, region) => {
      this.onSectionEnd?.(id, end, region);
      this.#run?.watcher?.sectionEnded(id, end, region);
      if (end === 'aborted') return;
      const task = taskOf(this.kernel.state, id);
      if (end === 'gave up') this.#checkLivelock(id, region, noteFailedAttempt(task, region));
      else noteProgress(task);
    });
  }

  get engineId(): string {
    return this.#engine.id;
  }

  get kernel(): Kernel {
    assert(this.#kernel !== undefined, 'the machine was booted');
    return this.#kernel;
  }

  /** Decisions taken since boot: the schedule position. */
  get decisionCount(): number {
    return this.#decisions.length;
  }

  /** A copy of the decisions taken since boot. */
  get decisions(): Decision[] {
    return this.#decisions.toArray();
  }

  /** Instructions retired since boot. */
  get instructions(): number {
    return this.#instructions;
  }

  get counts(): RunCounts {
    return {
      instructions: this.#instructions,
      preemptions: this.#preemptions,
      migrations: this.#migrations,
      signals: this.#signals,
    };
  }

  #setCounts({ instructions, preemptions, migrations, signals }: RunCounts): void {
    this.#instructions = instructions;
    this.#preemptions = preemptions;
    this.#migrations = migrations;
    this.#signals = signals;
  }

  /** How the run ended; `undefined` while it has not. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Must be called when an engine's log is full, in the middle of a run. */
  onLogFull(): void {
    this.#slice?.drainMidway();
  }

  /** An engine decoded code from a page of RAM for the first time. */
  onCodePage(ramOffset: number): void {
    this.memory.flagCode(ramOffset / PAGE_SIZE);
  }

  /** Starts a program from scratch. */
  boot(run: RunOptions): void {
    this.#slots.restore([]);
    this.sections.restore(NO_SECTIONS);
    this.#decisions.clear();
    this.#setCounts(NO_COUNTS);
    this.#clock = new ClockWatch();
    this.#outcome = undefined;
    this.#rejection = '';
    this.#livelock = undefined;
    this.onSectionEnd = undefined;
    this.#run = run;
    this.#strategy = run.strategy;
    const space = this.#programs.load(run.program.image);
    this.#spaces = [space];
    this.#kernel = new Kernel(run.profile, this.#host(run), (point) => this.#choose(point), {
      vcpus: run.vcpus,
      seed: run.seed,
    });
    const random = randomBytes(this.kernel.state, AUXV_RANDOM_BYTES);
    const stackPointer = writeInitialStack(space, run.program, run.profile, random);
    const task = this.kernel.createFirstTask();
    const slot = this.#slots.create(task.id, undefined);
    slot.instructionPointer = run.program.image.entry;
    slot.write('rsp', BigInt(stackPointer));
    this.#slice = new Slice({
      kernel: this.kernel,
      engine: this.#engine,
      slots: this.#slots,
      sections: this.sections,
      armings: this.#armings,
      memory: this.memory,
      onAccess: run.onAccess,
      watcher: run.watcher,
      clock: this.#clock,
    });
  }

  #host(run: RunOptions): KernelHost {
    return kernelHost(run, {
      ...{ spaces: this.#spaces, slots: this.#slots, clock: this.#clock },
      sectionAborted: (task, region, from) => {
        this.sections.aborted(task.id, region, from);
        this.#checkLivelock(task.id, region, task.abortsInRow);
      },
      rseqRejected: (task, reason) => {
        this.#rejection = `rseq of task ${task.id}: ${reason}`;
      },
    });
  }

  #checkLivelock(task: TaskId, region: ArmedRegion, failures: number): void {
    if (failures < LIVELOCK_ABORTS) return;
    this.#livelock = { kind: 'livelock', task, section: region.start ?? region.end };
  }

  /** Takes decisions from the strategy until the run has ended. */
  runToEnd(): Outcome {
    for (;;) {
      const outcome = this.step();
      if (outcome !== undefined) return outcome;
    }
  }

  /**
   * Takes one decision from the strategy, that of the boot unless another is given, and carries it
   * out; returns the outcome once there is one.
   */
  step(strategy: Strategy | undefined = this.#run?.strategy): Outcome | undefined {
    if (this.#outcome !== undefined) return this.#outcome;
    assert(strategy !== undefined, 'the machine was booted');
    this.#strategy = strategy;
    const { state } = this.kernel;
    try {
      const stuck = isAnythingRunnable(state) ? undefined : skipIdleTime(this.kernel);
      if (stuck !== undefined) this.#end(stuck);
      else this.#apply(strategy.next(this.kernel));
    } catch (error) {
      this.#end(outcomeOfError(error));
    }
    return this.#outcome;
  }

  /** Carries out a decision that comes from no strategy, and records it like one that does. */
  apply(decision: Decision): Outcome | undefined {
    if (this.#outcome === undefined) this.#apply(decision);
    return this.#outcome;
  }

  /**
   * Runs the task on a vCPU until one of the stops, for at most so many instructions; recorded as the
   * decision that does the same.
   */
  runToStop(vcpu: number, limitInstructions: number, stops: RunStops): Outcome | undefined {
    const slice = this.#slice;
    assert(slice !== undefined, 'the machine was booted');
    if (this.#outcome !== undefined) return this.#outcome;
    // Choices that come up on the way are recorded after it.
    this.#decisions.push({ kind: 'run', vcpu, instructions: limitInstructions });
    const until = this.#decisions.save();
    slice.stops = stops;
    this.#runSlice(vcpu, limitInstructions);
    slice.stops = NO_STOPS;
    this.#decisions.shortenRun(until, slice.retired);
    return this.#outcome;
  }

  #apply(decision: Decision): void {
    const { kernel } = this;
    const error = applicationError(kernel.state, decision);
    if (error !== undefined) {
      throw new ScheduleDivergence(`decision ${decisionToString(decision)}: ${error}`);
    }
    this.#decisions.push(decision);
    switch (decision.kind) {
      case 'run':
        this.#runSlice(decision.vcpu, decision.instructions);
        return;
      case 'switch': {
        const preempts = isPreemption(kernel.state, decision.vcpu);
        if (kernel.switchTo(decision.vcpu, decision.task) && preempts) this.#preemptions++;
        break;
      }
      case 'migrate':
        this.#migrations++;
        kernel.migrate(decision.task, decision.vcpu);
        break;
      case 'fence':
        kernel.fence(decision.vcpu);
        break;
      case 'signal':
        this.#signals++;
        kernel.signal(decision.task, decision.signal);
        break;
      case 'place':
      case 'wake':
      case 'flush':
        throw new ScheduleDivergence(`decision ${decisionToString(decision)} at a wrong place`);
      default:
        assertNever(decision);
    }
    this.#checkEnd();
  }

  #runSlice(vcpu: number, instructions: number): void {
    const run = this.#run;
    const slice = this.#slice;
    assert(run !== undefined && slice !== undefined, 'the machine was booted');
    const budget = Math.min(instructions, run.maxInstructions - this.#instructions);
    const stop = slice.run(vcpu, budget);
    this.#instructions += slice.retired;
    if (stop !== undefined) {
      this.#end({ kind: 'unsupported', ...stop });
      return;
    }
    this.#checkEnd();
    if (this.#outcome !== undefined) return;
    const over = outcomeOfLimits(this.#instructions, run.maxInstructions, this.memory);
    if (over !== undefined) this.#end(over);
  }

  #checkEnd(): void {
    const ending = this.kernel.state.processes[0]?.ending;
    const outcome =
      ending === undefined ? this.#livelock : outcomeOfEnding(ending, this.#rejection);
    if (outcome !== undefined) this.#end(outcome);
  }

  #end(outcome: Outcome): void {
    this.#outcome = this.#run?.watcher?.verdict(outcome) ?? outcome;
  }

  #choose(point: ChoicePoint): number {
    const index = this.#strategy?.choose(point) ?? 0;
    const chosen = point.candidates[index];
    if (chosen === undefined) throw new ScheduleDivergence(`${point.kind}: no choice ${index}`);
    this.#decisions.push(
      point.kind === 'place'
        ? { kind: 'place', task: point.task, vcpu: chosen }
        : { kind: 'wake', task: chosen },
    );
    return index;
  }

  /** Saves everything. Cheap: memory by the pages written since the last snapshot. */
  snapshot(): MachineSnapshot {
    return {
      memory: this.#images.take(),
      allocation: this.memory.saveAllocation(),
      spaces: this.#spaces.map((space) => space.save()),
      kernel: copyKernelState(this.kernel.state),
      registers: this.#slots.save(liveTaskIds(this.kernel.state)),
      sections: this.sections.save(),
      watcher: this.#run?.watcher?.save(),
      counts: this.counts,
      outcome: this.#outcome,
      decisions: this.#decisions.save(),
      decisionIndex: this.#decisions.length,
    };
  }

  /** Goes back to a snapshot of the current boot, or forward to one left by an earlier `restore`. */
  restore(snapshot: MachineSnapshot): void {
    this.#images.restore(snapshot.memory);
    this.memory.restoreAllocation(snapshot.allocation);
    this.#spaces.length = Math.min(this.#spaces.length, snapshot.spaces.length);
    snapshot.spaces.forEach((image, i) => {
      this.#spaces[i] ??= new AddressSpace(this.memory);
      this.#spaces[i].restore(image);
    });
    this.kernel.state = restoreKernelState(this.kernel.state, snapshot.kernel);
    this.#slots.restore(snapshot.registers);
    this.sections.restore(snapshot.sections);
    if (snapshot.watcher !== undefined) this.#run?.watcher?.restore(snapshot.watcher);
    this.#setCounts(snapshot.counts);
    this.#outcome = snapshot.outcome;
    this.#rejection = '';
    this.#livelock = undefined;
    this.#decisions.restore(snapshot.decisions);
  }

  /** Hash of architectural state, memory and kernel state: equal for equal states on any engine. */
  stateHash(): string {
    return this.#identity.hash(this.kernel, this.#spaces);
  }

  /** Key of the state for a search, with the time if the program ever looked at it: see StateKeys. */
  stateKey(): number {
    const key = this.#identity.key(this.kernel, this.#spaces);
    return this.#clock.hasRead ? extendKey(key, this.kernel.state.now) : key;
  }

  /** What `stateKey` stands for, in full: see describeState. */
  describeState(): Uint8Array {
    return this.#identity.describe(this.kernel, this.#spaces);
  }

  /** The CPU that holds a task's registers, for inspection. */
  slotOf(task: TaskId): CpuSlot {
    return this.#slots.of(task);
  }

  /** All architectural registers of a live task, with the flags that cannot matter masked. */
  registerFile(task: Task): BigUint64Array {
    return this.#identity.registerFile(this.kernel, task);
  }
}
