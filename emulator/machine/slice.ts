import { assert, assertNever } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import type { Kernel } from '../../kernel-model/kernel.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import { type ArmedRegion, NO_RANGES } from '../../kernel-model/rseq/variant.ts';
import { taskOf } from '../../kernel-model/sched/run-queue.ts';
import type { Task } from '../../kernel-model/task/task.ts';
import { RECORD_BOUNDARY, RECORD_READ, RECORD_WRITE } from '../engine/access-log.ts';
import type { ModelInstruction } from '../engine/decode/instruction.ts';
import { addressesStack } from '../engine/decode/stack-access.ts';
import {
  BUDGET_INSTRUCTIONS_MAX,
  type CpuException,
  type Engine,
  type Exit,
  NO_STOPS,
} from '../engine/engine.ts';
import { type Armings, boundariesOf } from './armings.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { CpuSlot, CpuSlots } from './cpu-slots.ts';
import { executeModelInstruction } from './model-instructions.ts';
import type { AccessListener } from './run.ts';
import type { Sections } from './sections.ts';
import { type FailedAccess, pageFault, trapOf } from './traps.ts';
import { FILTER_GRANULE_SHIFT, FILTER_MASK, NO_FILTER, type RunWatcher } from './watcher.ts';

/** What a slice works on. */
export interface SliceParts {
  readonly kernel: Kernel;
  readonly engine: Engine;
  readonly slots: CpuSlots;
  readonly sections: Sections;
  readonly armings: Armings;
  readonly memory: PhysicalMemory;
  readonly onAccess: AccessListener | undefined;
  readonly watcher: RunWatcher | undefined;
  readonly clock: ClockWatch;
}

/** Something that we cannot do, at a guest address. */
export interface Unsupported {
  readonly what: string;
  readonly address: number;
}

const SYSCALL_LENGTH_BYTES = 2;
const BREAKPOINT_LENGTH_BYTES = 1;
const INSTRUCTION_LENGTH_MAX_BYTES = 15;
const NOWHERE = -1;

/** Carries out `run` decisions: the inner loop between engine and kernel model. */
export class Slice {
  /** Instructions retired by the last `run`. */
  retired = 0;
  /**
   * Where slices end early; boundaries are the first and the post-commit instructions of sections that
   * were met. With stops at instructions they end, too, whenever the kernel has been entered.
   */
  stops = NO_STOPS;
  readonly #parts: SliceParts;
  #task: Task | undefined;
  #space: AddressSpace | undefined;
  /** What the running task's arming word holds, and where that word is; 0 for nothing. */
  #armed = 0;
  /** The region behind #armed; `undefined` until it has been looked at. */
  #region: ArmedRegion | undefined;
  /** The instruction that armed a region not known, until that has been looked at; else 0. */
  #unmetStore = 0;
  #armingWord = 0;
  /** Instructions retired in this slice once the CPU has run all it was last asked for. */
  #runEnd = 0;
  readonly #instructionFilter: Uint8Array;
  readonly #addressFilter: Uint8Array;

  constructor(parts: SliceParts) {
    this.#parts = parts;
    this.#instructionFilter = parts.watcher?.instructionFilter ?? NO_FILTER;
    this.#addressFilter = parts.watcher?.addressFilter ?? NO_FILTER;
  }

  /**
   * Runs the vCPU's current task for `budget` retired instructions, or until it leaves the vCPU or
   * asks to be rescheduled. Returns what we could not do, if that ended it.
   */
  run(vcpuId: number, budget: number): Unsupported | undefined {
    const { kernel } = this.#parts;
    const { state } = kernel;
    const vcpu = state.vcpus[vcpuId];
    assert(vcpu !== undefined, 'vCPU exists', vcpuId);
    this.retired = 0;
    vcpu.needResched = false;
    const task = taskOf(state, vcpu.current);
    task.entry = 'interrupt';
    while (this.retired < budget && vcpu.current === task.id) {
      const timer = kernel.nextTimer();
      if (timer <= state.now) {
        kernel.expireTimers();
        continue;
      }
      const left = Math.min(budget - this.retired, timer - state.now, BUDGET_INSTRUCTIONS_MAX);
      const slot = this.#prepare(task);
      slot.cpu.stops = this.stops;
      this.#runEnd = this.retired + left;
      const exit = slot.cpu.run(left);
      this.#retire(slot.cpu.retired);
      const isFault = exit.kind === 'fault' || exit.kind === 'exception';
      this.#drain(isFault ? slot.cpu.instructionPointer : NOWHERE);
      this.#settle(task, slot);
      const isAtBoundary = exit.kind === 'boundary';
      if (exit.kind !== 'budget' && exit.kind !== 'boundary') {
        const result = this.#handle(task, slot, exit);
        if (result !== undefined) return result;
      }
      if (state.now >= timer) kernel.expireTimers();
      if (vcpu.needResched || isAtBoundary) break;
      if (this.stops.instructions.size > 0 && this.retired > 0) break;
    }
    return undefined;
  }

  /** The task stopped, perhaps inside a section. */
  #settle(task: Task, slot: CpuSlot): void {
    const { sections, watcher } = this.#parts;
    if (!sections.isTracked(task.id)) return;
    const { instructionPointer, lastInstructionPointer } = slot.cpu;
    sections.settle(task.id, instructionPointer, lastInstructionPointer);
    if (watcher === undefined) return;
    const region = sections.inFlight(task.id);
    if (region !== undefined) watcher.pausedInside(task, region);
  }

  #retire(instructions: number): void {
    this.retired += instructions;
    this.#parts.kernel.state.now += instructions;
  }

  /** Brings the task's CPU up to date with its address space and its registration. */
  #prepare(task: Task): CpuSlot {
    const { kernel, slots, armings } = this.#parts;
    const slot = slots.of(task.id);
    armings.recordsTaken();
    const { memory, process } = kernel.rseqContext(task);
    this.#task = task;
    this.#space = memory.space;
    slot.cpu.setMappings(memory.space.engineMappings());
    const word = task.rseq === undefined ? 0 : (kernel.profile.rseq.armingWord(task) ?? 0);
    if (slot.watched !== word) {
      slot.watched = word;
      slot.cpu.watch(word);
    }
    this.#armingWord = word;
    this.#armed = word === 0 ? 0 : memory.readU64AsNumber(word);
    if (armings.mustLookAgain(this.#armed)) this.#noteArming(task, slot);
    this.#region = this.#armed === 0 ? undefined : armings.regionOf(this.#armed);
    const standing = kernel.profile.rseq.standingRegions(process);
    if (armings.standing !== standing) this.#noteStanding(standing, slot);
    const watched = this.#parts.watcher?.regions ?? NO_RANGES;
    if (armings.watched !== watched) armings.setWatched(watched, slot.cpu);
    slot.touch();
    return slot;
  }

  /** The engine's log is full: takes its records in while the engine waits. */
  drainMidway(): void {
    this.#drain(NOWHERE);
  }

  /**
   * Takes the access log in: marks written pages, follows the arming word, and tells the sections of
   * boundaries. A boundary record of an instruction that faulted has not happened.
   */
  #drain(faultedAt: number): void {
    const { engine, memory, sections, armings, watcher } = this.#parts;
    const { log } = engine;
    const count = log.length;
    if (count === 0) return;
    const space = this.#space;
    const task = this.#task;
    assert(space !== undefined && task !== undefined, 'a task ran');
    const { onAccess } = this.#parts;
    for (let i = 0; i < count; i++) {
      const kind = log.kind(i);
      const address = log.address(i);
      if (onAccess !== undefined) this.#tell(onAccess, task, i);
      if (kind === RECORD_WRITE) {
        const frame = space.frameFor(address, false);
        if (frame >= 0) memory.markWritten(frame, address & (PAGE_SIZE - 1), log.sizeBytes(i));
        if (address === this.#armingWord) this.#noteStore(log.valueNumber(i), log.instruction(i));
        else if (this.#isWatched(address, log.instructionLow(i))) {
          watcher?.stored(task, this.#region, log, i, this.#runEnd - log.stamp(i));
        }
      } else if (kind === RECORD_BOUNDARY && !(address === faultedAt && i >= count - 2)) {
        const armed = this.#region ?? (task.rseq && armings.standingAt(address));
        sections.boundary(task.id, armed, address, log.valueNumber(i));
        watcher?.reached(task, armed, address);
      }
    }
    log.clear();
  }

  /** Whether the watcher may care for a store to `address` by the instruction with these low bits. */
  #isWatched(address: number, instructionLow: number): boolean {
    const instruction = this.#instructionFilter[instructionLow & FILTER_MASK] ?? 0;
    const granule = this.#addressFilter[(address >>> FILTER_GRANULE_SHIFT) & FILTER_MASK] ?? 0;
    return (instruction | granule) !== 0;
  }

  #tell(onAccess: AccessListener, task: Task, index: number): void {
    const { log } = this.#parts.engine;
    const kind = log.kind(index);
    if (kind !== RECORD_READ && kind !== RECORD_WRITE) return;
    onAccess({
      task: task.id,
      isStore: kind === RECORD_WRITE,
      address: log.address(index),
      sizeBytes: log.sizeBytes(index),
      instruction: log.instruction(index),
      retired: this.#runEnd - log.stamp(index),
    });
  }

  /** The instruction at `instruction` stored `value` to the arming word. */
  #noteStore(value: number, instruction: number): void {
    const { armings, sections } = this.#parts;
    const id = this.#task?.id ?? 0;
    this.#armed = value;
    this.#region = value === 0 ? undefined : armings.knownRegionOf(value);
    // The engine stops after a store that arms what is not known: then is the time to look.
    this.#unmetStore = value !== 0 && this.#region === undefined ? instruction : 0;
    if (this.#unmetStore === 0) sections.armingStored(id, this.#region, instruction);
  }

  #handle(
    task: Task,
    slot: CpuSlot,
    exit: Exclude<Exit, { kind: 'budget' | 'boundary' }>,
  ): Unsupported | undefined {
    const { sections, armings } = this.#parts;
    const address = slot.cpu.instructionPointer;
    switch (exit.kind) {
      case 'syscall':
        return this.#syscall(task, slot);
      case 'instruction':
        return this.#modelInstruction(task, slot, exit.instruction);
      case 'armed':
        this.#noteArming(task, slot);
        this.#region = this.#armed === 0 ? undefined : armings.regionOf(this.#armed);
        if (this.#unmetStore !== 0) {
          sections.armingStored(task.id, this.#region, this.#unmetStore);
          this.#unmetStore = 0;
        }
        return undefined;
      case 'fault':
        this.#fault(task, slot, exit);
        return undefined;
      case 'exception':
        this.#exception(task, slot, exit.exception);
        return undefined;
      case 'unsupported':
        return { what: `the instruction ${exit.detail}`, address };
      default:
        return assertNever(exit);
    }
  }

  /** The syscall instruction: rcx and r11 as the CPU sets them, then the kernel. */
  #syscall(task: Task, slot: CpuSlot): Unsupported | undefined {
    const address = slot.cpu.instructionPointer;
    const next = address + SYSCALL_LENGTH_BYTES;
    this.#parts.watcher?.calling(task, address, this.retired);
    slot.write('rcx', BigInt(next));
    slot.write('r11', slot.read('rflags'));
    slot.instructionPointer = next;
    this.#retire(1);
    const outcome = this.#parts.kernel.syscall(task);
    if (outcome.kind === 'unsupported') return { what: outcome.message, address };
    return undefined;
  }

  #modelInstruction(
    task: Task,
    slot: CpuSlot,
    instruction: ModelInstruction,
  ): Unsupported | undefined {
    const { kernel, slots } = this.#parts;
    const fault = executeModelInstruction(
      {
        registers: slots.registers(task.id),
        memory: kernel.memoryOf(kernel.processOf(task)),
        now: kernel.state.now,
        vcpu: task.vcpu,
      },
      instruction,
    );
    this.#parts.clock.onInstruction(instruction.mnemonic);
    if (fault === 'unsupported') {
      return { what: `the instruction ${instruction.mnemonic}`, address: instruction.address };
    }
    if (fault !== undefined) {
      this.#fault(task, slot, fault);
      return undefined;
    }
    slot.instructionPointer = instruction.address + instruction.lengthBytes;
    this.#retire(1);
    return undefined;
  }

  /** The arming word was stored to: learn the region before its first instruction runs. */
  #noteArming(task: Task, slot: CpuSlot): void {
    const { kernel, armings, slots } = this.#parts;
    const space = this.#space;
    const region = kernel.profile.rseq.armedRegion(kernel.rseqContext(task));
    if (region === undefined || space === undefined) return;
    // Boundaries can only be marked where the CPU sees the code.
    for (const address of boundariesOf(region)) space.resolveFault(address, 'fetch');
    slot.cpu.setMappings(space.engineMappings());
    const isLasting = space.mappingAt(region.source)?.isImage === true;
    armings.add(
      region,
      isLasting,
      slot.cpu,
      slots.all.map((each) => each.cpu),
    );
  }

  /** The process has other regions armed without a store than before, or their marks are lost. */
  #noteStanding(standing: readonly ArmedRegion[], slot: CpuSlot): void {
    const { armings } = this.#parts;
    const space = this.#space;
    assert(space !== undefined, 'a task runs');
    for (const region of standing) {
      for (const address of boundariesOf(region)) space.resolveFault(address, 'fetch');
    }
    slot.cpu.setMappings(space.engineMappings());
    armings.setStanding(standing, slot.cpu);
  }

  #fault(task: Task, slot: CpuSlot, failed: FailedAccess): void {
    const space = this.#space;
    assert(space !== undefined, 'a task ran');
    const trap = pageFault(space, failed, () => {
      const { memory } = this.#parts.kernel.rseqContext(task);
      const code = memory.read(slot.instructionPointer, INSTRUCTION_LENGTH_MAX_BYTES);
      return code !== undefined && addressesStack(code);
    });
    if (trap !== undefined) this.#parts.kernel.trap(task, trap);
  }

  /** A breakpoint has executed when it traps; any other exception is one of the next instruction. */
  #exception(task: Task, slot: CpuSlot, exception: CpuException): void {
    const address = slot.instructionPointer;
    this.#parts.watcher?.trapped(task, exception, address, this.retired);
    if (exception === 'breakpoint') slot.instructionPointer = address + BREAKPOINT_LENGTH_BYTES;
    this.#parts.kernel.trap(task, trapOf(exception, address));
  }
}
