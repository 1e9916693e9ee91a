import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { UserMemory } from '../../../kernel-model/mm/user-memory.ts';
import type { ArmedRegion } from '../../../kernel-model/rseq/variant.ts';
import type { ChoicePoint, Decision } from '../../../kernel-model/sched/decision.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../../kernel-model/task/task.ts';
import { effectiveAddress } from '../../engine/decode/instruction.ts';
import { decodeMemoryAccess, type MemoryAccess } from '../../engine/decode/memory-access.ts';
import type { Machine } from '../../machine/machine.ts';
import type { RunOptions } from '../../machine/run.ts';
import type { SectionEnd } from '../../machine/sections.ts';
import type { ScheduleView, Strategy } from '../../machine/strategy.ts';
import type { PlacedInterruption } from '../search/interruption.ts';
import { ReplayStrategy } from '../strategies/replay.ts';

/** What an instruction's memory operand touched. */
export interface TracedAccess {
  readonly address: number;
  readonly sizeBytes: number;
  readonly writes: boolean;
}

/** One instruction that a task executed. */
export interface TracedStep {
  readonly kind: 'step';
  readonly task: number;
  readonly vcpu: number;
  /** Instructions that the task had retired before. */
  readonly retired: number;
  readonly address: number;
  readonly code: Uint8Array;
  /** The region that the task had armed, if the instruction lies in it. */
  readonly inside: ArmedRegion | undefined;
  readonly access: TracedAccess | undefined;
  /** The number of the system call that it makes. */
  readonly systemCall: number | undefined;
}

export type TracedEvent =
  | TracedStep
  | { readonly kind: 'interrupted'; readonly placed: PlacedInterruption }
  | {
      readonly kind: 'section end';
      readonly task: number;
      readonly end: SectionEnd;
      readonly region: ArmedRegion;
    }
  /** A task executed instructions that were not looked at. */
  | { readonly kind: 'untraced'; readonly task: number; readonly instructions: number };

/** Instructions that are looked at one by one. */
const TRACED_INSTRUCTIONS_MAX = 200_000;
const INSTRUCTION_BYTES_MAX = 15;

/**
 * Runs recorded decisions again, instruction by instruction, and tells what happened in which order.
 * `made` are the interruptions among them.
 */
export function traceRun(
  machine: Machine,
  run: Omit<RunOptions, 'strategy'>,
  decisions: readonly Decision[],
  made: readonly PlacedInterruption[],
): TracedEvent[] {
  const strategy = new SingleSteps(decisions);
  machine.boot({ ...run, strategy });
  const tracer = new Tracer(machine, made);
  machine.onSectionEnd = (task, end, region) => tracer.onSectionEnd(task, end, region);
  strategy.onRun = (task, instructions) => tracer.onRun(task, instructions);
  strategy.isCoarse = () => tracer.isFull;
  machine.runToEnd();
  tracer.end();
  return tracer.events;
}

/** Recorded decisions, with runs cut into single instructions. */
class SingleSteps implements Strategy {
  readonly #replay: ReplayStrategy;
  #task = 0;
  #run: (Decision & { kind: 'run' }) | undefined;
  #left = 0;
  onRun: (task: Task, instructions: number) => void = () => {};
  isCoarse: () => boolean = () => false;

  constructor(decisions: readonly Decision[]) {
    this.#replay = new ReplayStrategy(decisions);
  }

  next({ state }: ScheduleView): Decision {
    const run = this.#run;
    const vcpu = run === undefined ? undefined : state.vcpus[run.vcpu];
    // A run ends early when its task leaves the vCPU or asks to be rescheduled.
    const isOver = vcpu === undefined || vcpu.needResched || vcpu.current !== this.#task;
    if (run !== undefined && this.#left > 0 && !isOver)
      return this.#step(run, taskOf(state, vcpu.current));
    this.#run = undefined;
    const decision = this.#replay.next();
    if (decision.kind !== 'run') return decision;
    this.#run = decision;
    this.#left = decision.instructions;
    const current = state.vcpus[decision.vcpu]?.current ?? 0;
    this.#task = current;
    return current === 0 ? decision : this.#step(decision, taskOf(state, current));
  }

  #step(run: Decision & { kind: 'run' }, task: Task): Decision {
    const instructions = this.isCoarse() ? this.#left : 1;
    this.#left -= instructions;
    this.onRun(task, instructions);
    return { ...run, instructions };
  }

  choose(point: ChoicePoint): number {
    return this.#replay.choose(point);
  }
}

class Tracer {
  readonly events: TracedEvent[] = [];
  readonly #machine: Machine;
  readonly #pending: PlacedInterruption[];
  readonly #accesses = new Map<number, MemoryAccess | undefined>();
  readonly #retired = new Map<number, number>();
  #steps = 0;
  /** Whose instructions are not taken in yet, and how many had retired before them. */
  #running:
    | { readonly task: number; readonly before: number; readonly isUntraced: boolean }
    | undefined;

  constructor(machine: Machine, made: readonly PlacedInterruption[]) {
    this.#machine = machine;
    this.#pending = [...made];
  }

  get isFull(): boolean {
    return this.#steps >= TRACED_INSTRUCTIONS_MAX;
  }

  onSectionEnd(task: number, end: SectionEnd, region: ArmedRegion): void {
    if (end === 'aborted') {
      this.finish();
      this.#noteInterruptions();
    }
    this.events.push({ kind: 'section end', task, end, region });
  }

  /** A task is about to execute so many instructions at most. */
  onRun(task: Task, instructions: number): void {
    this.finish();
    this.#noteInterruptions();
    const isUntraced = instructions > 1;
    this.#running = { task: task.id, before: this.#machine.instructions, isUntraced };
    if (isUntraced) return;
    this.#steps++;
    this.events.push(this.#look(task));
  }

  /** Takes in what the last run came to. */
  finish(): void {
    if (this.#running === undefined) return;
    const { task, before } = this.#running;
    const retired = this.#machine.instructions - before;
    this.#retired.set(task, (this.#retired.get(task) ?? 0) + retired);
    if (this.#running.isUntraced) {
      this.events.push({ kind: 'untraced', task, instructions: retired });
    }
    this.#running = undefined;
  }

  /** The run is over: an interruption may have been what ended it. */
  end(): void {
    this.finish();
    this.#noteInterruptions(() => true);
  }

  /** Interruptions whose task came to their position, and is not waiting there. */
  #noteInterruptions(isRunnable = (task: number) => this.#isRunnable(task)): void {
    for (;;) {
      const due = this.#pending.findIndex(
        ({ task, retired }) => isRunnable(task) && (this.#retired.get(task) ?? 0) === retired,
      );
      const [placed] = due < 0 ? [] : this.#pending.splice(due, 1);
      if (placed === undefined) return;
      this.events.push({ kind: 'interrupted', placed });
    }
  }

  #isRunnable(task: number): boolean {
    const kind = this.#machine.kernel.state.tasks[task - 1]?.state.kind;
    return kind === 'ready' || kind === 'running';
  }

  #look({ id }: Task): TracedStep {
    const { kernel } = this.#machine;
    const task = taskOf(kernel.state, id);
    const context = kernel.rseqContext(task);
    const address = context.registers.instructionPointer;
    const code = readCode(context.memory, address);
    const region = kernel.profile.rseq.armedRegion(context);
    const isInside = region !== undefined && address >= (region.start ?? 0) && address < region.end;
    return {
      kind: 'step',
      task: id,
      vcpu: task.vcpu,
      retired: this.#retired.get(id) ?? 0,
      address,
      code,
      inside: isInside ? region : undefined,
      access: this.#accessOf(address, code, id),
      systemCall:
        code[0] === 0x0f && code[1] === 0x05 ? Number(context.registers.read('rax')) : undefined,
    };
  }

  #accessOf(address: number, code: Uint8Array, task: number): TracedAccess | undefined {
    if (!this.#accesses.has(address)) {
      this.#accesses.set(address, decodeMemoryAccess(code, address));
    }
    const access = this.#accesses.get(address);
    if (access === undefined) return undefined;
    const registers = this.#machine.kernel.host.registers(task);
    const linear = effectiveAddress(access.operand, (name) => registers.read(name));
    const { sizeBytes } = access.operand;
    return { address: Number(linear), sizeBytes, writes: access.writes };
  }
}

/** The bytes of an instruction, fewer at the end of a mapping. */
function readCode(memory: UserMemory, address: number): Uint8Array {
  const inPage = PAGE_SIZE - (address % PAGE_SIZE);
  return (
    memory.read(address, INSTRUCTION_BYTES_MAX) ??
    memory.read(address, Math.min(inPage, INSTRUCTION_BYTES_MAX)) ??
    new Uint8Array(0)
  );
}
