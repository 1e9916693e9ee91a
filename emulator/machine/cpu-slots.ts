import { assert } from '../../kernel-model/assert.ts';
import type { RegisterName, TaskRegisters } from '../../kernel-model/hardware/registers.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { CpuContext, Engine, EngineCpu } from '../engine/engine.ts';

/** CPUs kept open at most; further tasks take turns on them. */
const CPUS_MAX = 8;

/**
 * A task's registers on the CPU that holds them. A context saved and not changed since is shared by
 * snapshots and is not loaded again.
 */
export class CpuSlot {
  readonly cpu: EngineCpu;
  /** The context equal to the registers now, if there is one. */
  saved: CpuContext | undefined;
  /** The word that the CPU watches. */
  watched = 0;

  constructor(cpu: EngineCpu) {
    this.cpu = cpu;
  }

  get instructionPointer(): number {
    return this.cpu.instructionPointer;
  }

  set instructionPointer(value: number) {
    this.saved = undefined;
    this.cpu.instructionPointer = value;
  }

  read(register: RegisterName): bigint {
    return this.cpu.read(register);
  }

  write(register: RegisterName, value: bigint): void {
    this.saved = undefined;
    this.cpu.write(register, value);
  }

  save(): CpuContext {
    this.saved ??= this.cpu.saveContext();
    return this.saved;
  }

  load(context: CpuContext): void {
    if (this.saved === context) return;
    this.cpu.restoreContext(context);
    this.saved = context;
  }
}

/** A task's registers wherever they are: its CPU may be taken away between two accesses. */
class SlotRegisters implements TaskRegisters {
  readonly #slots: CpuSlots;
  readonly #task: TaskId;

  constructor(slots: CpuSlots, task: TaskId) {
    this.#slots = slots;
    this.#task = task;
  }

  get instructionPointer(): number {
    return this.#slots.of(this.#task).instructionPointer;
  }

  set instructionPointer(value: number) {
    this.#slots.of(this.#task).instructionPointer = value;
  }

  read(register: RegisterName): bigint {
    return this.#slots.of(this.#task).read(register);
  }

  write(register: RegisterName, value: bigint): void {
    this.#slots.of(this.#task).write(register, value);
  }
}

/**
 * One long-lived CPU a task, so that a switch costs nothing; beyond CPUS_MAX tasks the one used
 * longest ago gives its CPU up and keeps its registers as a context.
 */
export class CpuSlots {
  readonly #engine: Engine;
  readonly #onNewCpu: (cpu: EngineCpu) => void;
  readonly #free: CpuSlot[] = [];
  readonly #all: CpuSlot[] = [];
  #resident: (CpuSlot | undefined)[] = [];
  #registers: TaskRegisters[] = [];
  /** Registers of tasks without a CPU. */
  #parked = new Map<TaskId, CpuContext>();
  #pristine: CpuContext | undefined;
  /** Tasks with a CPU, most recently made resident last; only kept once CPUs are short. */
  #order: TaskId[] = [];

  constructor(engine: Engine, onNewCpu: (cpu: EngineCpu) => void) {
    this.#engine = engine;
    this.#onNewCpu = onNewCpu;
  }

  get all(): readonly CpuSlot[] {
    return this.#all;
  }

  /** The slot of a task that was created. */
  of(task: TaskId): CpuSlot {
    return this.#resident[task] ?? this.#admit(task);
  }

  /** The registers of a task that was created, for as long as it lives. */
  registers(task: TaskId): TaskRegisters {
    let registers = this.#registers[task];
    if (registers === undefined) {
      registers = new SlotRegisters(this, task);
      this.#registers[task] = registers;
    }
    return registers;
  }

  /** Registers of a new task: all zero, or a copy of its parent's. */
  create(task: TaskId, parent: TaskId | undefined): CpuSlot {
    const context = parent === undefined ? undefined : this.of(parent).save();
    const slot = this.#take(task);
    slot.load(context ?? this.#pristineContext(slot));
    return slot;
  }

  #pristineContext(slot: CpuSlot): CpuContext {
    assert(this.#pristine !== undefined || slot.saved !== undefined, 'a new CPU was saved');
    this.#pristine ??= slot.save();
    return this.#pristine;
  }

  /** Frees the CPU of a task that will not run again. */
  destroy(task: TaskId): void {
    const slot = this.#resident[task];
    this.#parked.delete(task);
    if (slot === undefined) return;
    this.#release(task, slot);
  }

  #release(task: TaskId, slot: CpuSlot): void {
    this.#resident[task] = undefined;
    this.#order = this.#order.filter((id) => id !== task);
    this.#free.push(slot);
  }

  #admit(task: TaskId): CpuSlot {
    const context = this.#parked.get(task);
    assert(context !== undefined, `task ${task} has registers`);
    this.#parked.delete(task);
    const slot = this.#take(task);
    slot.load(context);
    return slot;
  }

  #take(task: TaskId): CpuSlot {
    const slot = this.#free.pop() ?? this.#open() ?? this.#evict();
    this.#resident[task] = slot;
    this.#order.push(task);
    return slot;
  }

  #open(): CpuSlot | undefined {
    if (this.#all.length >= CPUS_MAX) return undefined;
    const slot = new CpuSlot(this.#engine.createCpu());
    this.#pristine ??= slot.save();
    this.#onNewCpu(slot.cpu);
    this.#all.push(slot);
    return slot;
  }

  #evict(): CpuSlot {
    const victim = this.#order.shift();
    assert(victim !== undefined, 'some task has a CPU');
    const slot = this.#resident[victim];
    assert(slot !== undefined, `task ${victim} has a CPU`);
    this.#parked.set(victim, slot.save());
    this.#resident[victim] = undefined;
    return slot;
  }

  /** The registers of these tasks, in order; `undefined` for tasks that are gone. */
  save(tasks: readonly (TaskId | undefined)[]): (CpuContext | undefined)[] {
    return tasks.map((task) => {
      if (task === undefined) return undefined;
      return this.#resident[task]?.save() ?? this.#parked.get(task);
    });
  }

  /** Puts registers back: `contexts[i]` is that of task i + 1, `undefined` if it is gone. */
  restore(contexts: readonly (CpuContext | undefined)[]): void {
    for (let task = 1; task < this.#resident.length; task++) {
      const slot = this.#resident[task];
      if (slot !== undefined && contexts[task - 1] === undefined) this.#release(task, slot);
    }
    if (this.#parked.size > 0) this.#parked = new Map();
    for (let index = 0; index < contexts.length; index++) {
      const context = contexts[index];
      if (context === undefined) continue;
      const slot = this.#resident[index + 1];
      if (slot !== undefined) slot.load(context);
      else this.#parked.set(index + 1, context);
    }
  }
}
