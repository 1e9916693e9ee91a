import { assert } from '../../../kernel-model/assert.ts';
import type { Vcpu } from '../../../kernel-model/kernel-state.ts';
import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { Chooser } from '../../../kernel-model/sched/decision.ts';
import { isAnythingRunnable } from '../../../kernel-model/sched/idle.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import type { RunStops } from '../../engine/engine.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Strategy } from '../../machine/strategy.ts';
import {
  afterRun,
  answer,
  CONTINUATION_START,
  type ContinuationState,
  continueRun,
  outOfPatience,
} from './continuation.ts';
import { sendsSignal } from './signal-sends.ts';

/** Where a driver is, besides its machine. Opaque. */
export interface DriverImage {
  readonly continuation: ContinuationState;
  readonly retired: readonly number[];
}

/** Steps a machine along the continuation policy. */
export class Driver {
  readonly machine: Machine;
  /** Instructions that each task has retired, by id. */
  #retired: number[] = [];
  #state: ContinuationState = CONTINUATION_START;
  /** Instructions executed by all tasks since the driver was made, on all paths together. */
  executed = 0;
  /** Answers the kernel's questions. */
  chooser: Chooser = answer;
  /** The policy as a strategy: what the machine is booted with. */
  readonly strategy: Strategy = {
    next: ({ state }) => {
      const next = continueRun(state, this.#state);
      this.#state = next.state;
      return next.kind === 'dispatch'
        ? next.decision
        : { kind: 'run', vcpu: next.vcpu.id, instructions: next.limit };
    },
    choose: (point) => this.chooser(point),
  };

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** The vCPU whose turn it is. */
  get turn(): number {
    return this.#state.vcpu;
  }

  /** Instructions that a task has retired since it was created. */
  retiredBy(task: number): number {
    return this.#retired[task] ?? 0;
  }

  save(): DriverImage {
    return { continuation: this.#state, retired: this.#retired.slice() };
  }

  restore({ continuation, retired }: DriverImage): void {
    this.#state = continuation;
    this.#retired = retired.slice();
  }

  /** Dispatches until some task is about to run; `undefined` once the run has ended. */
  nextTask(): Task | undefined {
    const { machine } = this;
    while (machine.outcome === undefined) {
      const { state } = machine.kernel;
      const current = this.#mayGoOn(state.vcpus[this.#state.vcpu]);
      if (current !== 0) return taskOf(state, current);
      if (!isAnythingRunnable(state)) {
        machine.step(this.strategy);
        continue;
      }
      const next = continueRun(state, this.#state);
      this.#state = next.state;
      if (next.kind === 'run') return taskOf(state, next.vcpu.current);
      machine.apply(next.decision);
    }
    return undefined;
  }

  /** The task that keeps its turn, as continueRun has it; 0 if there is more to decide. */
  #mayGoOn(vcpu: Vcpu | undefined): number {
    if (vcpu === undefined || this.#state.patience <= 0) return 0;
    return vcpu.needResched && vcpu.queue.length > 0 ? 0 : vcpu.current;
  }

  /** Runs the task that nextTask gave for at most so many instructions, within its turn. */
  run(task: Task, instructions: number): void {
    this.runToStop(task, instructions, undefined);
  }

  /** The same, up to one of the stops; returns the instructions retired. */
  runToStop({ id, vcpu }: Task, limit: number, stops: RunStops | undefined): number {
    const { machine } = this;
    const instructions = Math.min(limit, this.#state.patience);
    const before = machine.instructions;
    assert(instructions > 0, 'a turn that is not over');
    if (stops !== undefined) machine.runToStop(vcpu, instructions, stops);
    else machine.apply({ kind: 'run', vcpu, instructions });
    const retired = machine.instructions - before;
    this.executed += retired;
    this.#state = afterRun(this.#state, retired);
    this.#retired[id] = (this.#retired[id] ?? 0) + retired;
    return retired;
  }

  /** Makes a vCPU the one that runs. */
  turnTo(vcpu: number): void {
    this.#state = { ...CONTINUATION_START, vcpu };
  }

  /** The task that runs seems to spin: others get their turn. */
  endTurn(): void {
    this.#state = outOfPatience(this.#state);
  }

  /** What the task has armed now. */
  regionOf(task: Task): ArmedRegion | undefined {
    const { kernel } = this.machine;
    return kernel.profile.rseq.armedRegion(kernel.rseqContext(task));
  }

  /** What the word holds whose store arms the task's sections; 0 for nothing. */
  armedWord(task: Task): number {
    const { kernel } = this.machine;
    const word = kernel.profile.rseq.armingWord(task);
    return word === undefined ? 0 : kernel.rseqContext(task).memory.readU64AsNumber(word);
  }

  /** Whether a task whose next instruction is a system call sends another one a signal by it. */
  sendsSignal(task: Task): boolean {
    const registers = this.machine.kernel.host.registers(task.id);
    const int32 = (name: 'rax' | 'rdi' | 'rsi') => Number(BigInt.asIntN(32, registers.read(name)));
    const call = { number: int32('rax'), args: [int32('rdi'), int32('rsi')] } as const;
    return sendsSignal(this.machine.kernel.state, task, call);
  }

  /** What the turn's task may still run before others get theirs. */
  get patience(): number {
    return this.#state.patience;
  }

  /** The instruction that the task executes next. */
  addressOf(task: Task): number {
    return this.machine.kernel.host.registers(task.id).instructionPointer;
  }
}
