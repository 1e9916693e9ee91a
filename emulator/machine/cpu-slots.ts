import { assert } from '../../kernel-model/assert.ts';
import { REGISTER_FILE_WORDS } from '../../kernel-model/hardware/register-file.ts';
import type { RegisterName, TaskRegisters } from '../../kernel-model/hardware/registers.ts';
import type { KernelState } from '../../kernel-model/kernel-state.ts';
import { clearFpState } from '../../kernel-model/signal/fp-state.ts';
import type { TaskId } from '../../kernel-model/task/task.ts';
import type { CpuContext, Engine, EngineCpu } from '../engine/engine.ts';

/** CPUs kept open at most; further tasks take turns on them. */
const CPUS_MAX = 8;

type ContextHashes = WeakMap<CpuContext, number>;

/**
 * A task's registers on the CPU that holds them. A context saved and not changed since is shared by
 * snapshots and is not loaded again.
 */
export class CpuSlot {
  readonly cpu: EngineCpu;
  readonly #hashes: ContextHashes;
  /** The word that the CPU watches. */
  watched = 0;
  /** The context equal to the registers now, if there is one. */
  #saved: CpuContext | undefined;
  /** Of the registers now, if it was asked for since they last changed. */
  #hash: number | undefined;
  /** A context that no snapshot holds, for reuse. */
  #spare: CpuContext | undefined;

  constructor(cpu: EngineCpu, hashes: ContextHashes) {
    this.cpu = cpu;
    this.#hashes = hashes;
  }

  get instructionPointer(): number {
    return this.cpu.instructionPointer;
  }

  set instructionPointer(value: number) {
    this.touch();
    this.cpu.instructionPointer = value;
  }

  read(register: RegisterName): bigint {
    return this.cpu.read(register);
  }

  write(register: RegisterName, value: bigint): void {
    this.touch();
    this.cpu.write(register, value);
  }

  readFile(file: BigUint64Array): void {
    this.cpu.readRegisterFile(file);
  }

  writeFile(file: BigUint64Array): void {
    this.touch();
    this.cpu.writeRegisterFile(file);
  }

  /** The registers are about to change behind our back. */
  touch(): void {
    this.#saved = undefined;
    this.#hash = undefined;
  }

  /** A context for keeps. */
  save(): CpuContext {
    if (this.#saved === undefined) {
      this.#saved = this.cpu.saveContext();
      if (this.#hash !== undefined) this.#hashes.set(this.#saved, this.#hash);
    }
    return this.#saved;
  }

  load(context: CpuContext): void {
    if (this.#saved === context) return;
    this.cpu.restoreContext(context);
    this.#saved = context;
    this.#hash = this.#hashes.get(context);
  }

  /** What `compute` says of the registers, kept until they change and with their contexts. */
  hash(compute: (cpu: EngineCpu) => number): number {
    if (this.#hash === undefined) {
      this.#hash = compute(this.cpu);
      if (this.#saved !== undefined) this.#hashes.set(this.#saved, this.#hash);
    }
    return this.#hash;
  }

  /** Takes over the registers of `incoming` and returns those it had, reusing what it can. */
  exchange(incoming: ParkedContext): ParkedContext {
    const outgoing =
      this.#saved === undefined
        ? { context: this.cpu.saveContext(this.#spare), isShared: false }
        : { context: this.#saved, isShared: true };
    this.#spare = undefined;
    this.load(incoming.context);
    if (!incoming.isShared) {
      this.#spare = incoming.context;
      this.touch();
    }
    return outgoing;
  }
}

/** Registers of a task that has no CPU; `isShared` if a snapshot may hold the context too. */
interface ParkedContext {
  readonly context: CpuContext;
  readonly isShared: boolean;
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

  readFile(file: BigUint64Array): void {
    this.#slots.of(this.#task).readFile(file);
  }

  writeFile(file: BigUint64Array): void {
    this.#slots.of(this.#task).writeFile(file);
  }
}

/**
 * One long-lived CPU a task, so that a switch costs nothing; beyond CPUS_MAX tasks the one used
 * longest ago gives its CPU up and keeps its registers as a context.
 */
export class CpuSlots {
  readonly #engine: Engine;
  readonly #onNewCpu: (cpu: EngineCpu) => void;
  readonly #hashes: ContextHashes = new WeakMap();
  readonly #free: CpuSlot[] = [];
  readonly #all: CpuSlot[] = [];
  #resident: (CpuSlot | undefined)[] = [];
  #registers: TaskRegisters[] = [];
  /** Registers of tasks without a CPU. */
  #parked = new Map<TaskId, ParkedContext>();
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

  /** Registers of a new task: as execve leaves them, or a copy of its parent's. */
  create(task: TaskId, parent: TaskId | undefined): CpuSlot {
    const context = parent === undefined ? this.#pristineContext() : this.of(parent).save();
    this.#parked.set(task, { context, isShared: true });
    return this.#admit(task);
  }

  #pristineContext(): CpuContext {
    if (this.#pristine === undefined) {
      const slot = this.#open();
      assert(slot !== undefined, 'the first CPU opens');
      this.#free.push(slot);
    }
    assert(this.#pristine !== undefined, 'a new CPU was saved');
    return this.#pristine;
  }

  /** What `compute` says of a task's registers, see CpuSlot.hash. */
  hash(task: TaskId, compute: (cpu: EngineCpu) => number): number {
    const parked = this.#parked.get(task);
    const known = parked?.isShared === true ? this.#hashes.get(parked.context) : undefined;
    return known ?? this.of(task).hash(compute);
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
    const parked = this.#parked.get(task);
    assert(parked !== undefined, 'a task with registers', task);
    this.#parked.delete(task);
    const free = this.#free.pop() ?? this.#open();
    if (free !== undefined) free.load(parked.context);
    const slot = free ?? this.#evict(parked);
    this.#settle(task, slot);
    return slot;
  }

  #settle(task: TaskId, slot: CpuSlot): void {
    this.#resident[task] = slot;
    this.#order.push(task);
  }

  #open(): CpuSlot | undefined {
    if (this.#all.length >= CPUS_MAX) return undefined;
    const slot = new CpuSlot(this.#engine.createCpu(), this.#hashes);
    if (this.#pristine === undefined) {
      const file = new BigUint64Array(REGISTER_FILE_WORDS);
      slot.readFile(file);
      clearFpState(file);
      slot.writeFile(file);
      this.#pristine = slot.save();
    }
    this.#onNewCpu(slot.cpu);
    this.#all.push(slot);
    return slot;
  }

  /** Gives the CPU that a task got longest ago to the registers of another. */
  #evict(incoming: ParkedContext): CpuSlot {
    const victim = this.#order.shift();
    assert(victim !== undefined, 'some task has a CPU');
    const slot = this.#resident[victim];
    assert(slot !== undefined, 'a task with a CPU', victim);
    this.#resident[victim] = undefined;
    this.#parked.set(victim, slot.exchange(incoming));
    return slot;
  }

  /** The registers of these tasks, in order; `undefined` for tasks that are gone. */
  save(tasks: readonly (TaskId | undefined)[]): (CpuContext | undefined)[] {
    return tasks.map((task) => {
      if (task === undefined) return undefined;
      return this.#resident[task]?.save() ?? this.#share(task);
    });
  }

  /** The context of a task without a CPU, which a snapshot holds from now on. */
  #share(task: TaskId): CpuContext | undefined {
    const parked = this.#parked.get(task);
    if (parked === undefined) return undefined;
    this.#parked.set(task, { context: parked.context, isShared: true });
    return parked.context;
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
      else this.#parked.set(index + 1, { context, isShared: true });
    }
  }
}

/** The tasks that still have registers, by their place; `undefined` for those that are gone. */
export function liveTaskIds({ tasks }: KernelState): (TaskId | undefined)[] {
  return tasks.map((task) => (task.state.kind === 'dead' ? undefined : task.id));
}
