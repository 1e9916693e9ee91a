import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import type { Kernel } from '../../kernel-model/kernel.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import type { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import type { Task } from '../../kernel-model/task/task.ts';
import type { EngineCpu } from '../engine/engine.ts';
import type { Armings } from './armings.ts';
import type { CpuSlots } from './cpu-slots.ts';
import { describeState } from './described-state.ts';
import { readLiveRegisters } from './live-registers.ts';
import { LiveState } from './live-state.ts';
import { PageHashes } from './page-hashes.ts';
import { StateHasher } from './state-hash.ts';
import { hashRegisters, StateKeys } from './state-keys.ts';

/**
 * What tells states of a machine apart: a hash for records, a quick key for searches, and all in
 * full.
 */
export class StateIdentity {
  readonly #slots: CpuSlots;
  readonly #armings: Armings;
  readonly #hasher: StateHasher;
  readonly #keys: StateKeys;
  readonly #live: LiveState;
  /** Whose registers are asked for. */
  #kernel: Kernel | undefined;
  #memory: UserMemory | undefined;
  readonly #hashLive = (cpu: EngineCpu): number => {
    assert(this.#memory !== undefined, 'a task has memory');
    return hashRegisters(this.#live.read(cpu, this.#memory));
  };
  readonly #registersKey = (task: Task): number => {
    this.#memory = this.#kernel?.rseqContext(task).memory;
    return this.#slots.hash(task.id, this.#hashLive);
  };
  /** The version of the armings whose regions #live knows. */
  #knownRegions = 0;

  constructor(memory: PhysicalMemory, slots: CpuSlots, armings: Armings) {
    this.#slots = slots;
    this.#armings = armings;
    this.#hasher = new StateHasher(new PageHashes(memory));
    this.#keys = new StateKeys(memory);
    this.#live = new LiveState((offset) => memory.flagCode(Math.floor(offset / PAGE_SIZE)));
  }

  codeChanged(): void {
    this.#live.forget();
  }

  /** Hash of architectural state, memory and kernel state: equal for equal states on any engine. */
  hash(kernel: Kernel, spaces: readonly AddressSpace[]): string {
    const registers = kernel.state.tasks
      .filter((task) => task.state.kind !== 'dead')
      .map((task) => ({ task: task.id, file: this.registerFile(kernel, task) }));
    return this.#hasher.hash({ kernel: kernel.state, spaces, registers });
  }

  /** Key of the state for a search, without the time: see StateKeys. */
  key(kernel: Kernel, spaces: readonly AddressSpace[]): number {
    if (this.#knownRegions !== this.#armings.regionsVersion) this.#learnEdges();
    this.#kernel = kernel;
    return this.#keys.key(kernel.state, spaces, this.#registersKey);
  }

  /** What the key stands for, in full: see describeState. */
  describe(kernel: Kernel, spaces: readonly AddressSpace[]): Uint8Array {
    return describeState(kernel.state, spaces, (task) => {
      const { memory } = kernel.rseqContext(task);
      return this.#live.read(this.#slots.of(task.id).cpu, memory);
    });
  }

  /** All architectural registers of a live task, with the flags that cannot matter masked. */
  registerFile(kernel: Kernel, task: Task): BigUint64Array {
    const memory = kernel.memoryOf(kernel.processOf(task));
    return readLiveRegisters(this.#slots.of(task.id).cpu, memory);
  }

  /** Registers live in an abort handler are live in all of its section. */
  #learnEdges(): void {
    this.#knownRegions = this.#armings.regionsVersion;
    this.#live.setEdges(
      this.#armings.regions.flatMap(({ start = 0, end, abort }) =>
        abort === undefined ? [] : [{ start, end, abort }],
      ),
    );
  }
}
