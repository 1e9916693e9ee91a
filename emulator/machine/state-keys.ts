import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import type { BlockedState, Process, Task } from '../../kernel-model/task/task.ts';
import { encodeCanonically } from './canonical.ts';
import { MemoryKey } from './memory-key.ts';
import { hashBytes } from './page-hashes.ts';

/** How a field takes part: as a number, as an immutable value, or not at all. */
type Part = 'number' | 'value' | 'ignored';

/**
 * The fields of a task that decide how a run goes on. Its state and its time slice are taken apart, as
 * deadlines count from now; how often its section was aborted matters to schedulers only.
 */
const TASK_PARTS: { readonly [K in keyof Required<Task>]: Part } = {
  id: 'number',
  tid: 'number',
  process: 'number',
  state: 'ignored',
  vcpu: 'number',
  affinity: 'value',
  clearChildTid: 'number',
  robustList: 'value',
  rseq: 'value',
  rseqEvents: 'number',
  rseqEventCounter: 'number',
  rseqIds: 'number',
  rseqSlice: 'ignored',
  notifyResume: 'number',
  entry: 'value',
  systemCall: 'number',
  signals: 'value',
  hasSignalWork: 'number',
  mmCid: 'number',
  abortedSection: 'ignored',
  abortsInRow: 'ignored',
};

/** The fields that take part. */
export const TASK_FIELDS = (Object.entries(TASK_PARTS) as [keyof Task, Part][]).filter(
  ([, part]) => part !== 'ignored',
);

/** Two lanes of 32 bits, mixed one number after the other. */
class Mixer {
  #a = 0x9e37_79b9;
  #b = 0x85eb_ca6b;

  number(value: number): void {
    const low = value | 0;
    const high = Math.floor(value / 4_294_967_296) | 0;
    this.#a = Math.imul(this.#a ^ low, 0x01000193) ^ (this.#a >>> 15) ^ high;
    this.#b =
      (Math.imul(this.#b ^ high, 0xc2b2ae35) + Math.imul(low, 0x27d4eb2f)) ^ (this.#b >>> 13);
  }

  /** 53 bits. */
  get digest(): number {
    return (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11);
  }
}

/** Like deadlines, the end of an extended time slice counts from now. */
function mixSlice(mixer: Mixer, { rseqSlice }: Task, now: number): void {
  if (rseqSlice === undefined) {
    mixer.number(-1);
    return;
  }
  const { enabled, granted, yielded, expires } = rseqSlice;
  mixer.number(Number(enabled) + 2 * Number(granted) + 4 * Number(yielded));
  mixer.number(granted ? expires - now : 0);
}

/**
 * Keys of machine states for a search: equal for states from which a run goes on alike. Unlike the state
 * hash they leave out the time and what only counts, name frames instead of their content's place, and
 * take microseconds: what did not change since the last key is not hashed again.
 */
export class StateKeys {
  readonly #memory: MemoryKey;
  readonly #values = new WeakMap<object, number>();
  readonly #words = new Map<string, number>();
  readonly #tables = new Map<number, number>();

  constructor(memory: PhysicalMemory) {
    this.#memory = new MemoryKey(memory);
  }

  /** `registersOf` gives the hash of a live task's registers. */
  key(
    state: KernelState,
    spaces: readonly AddressSpace[],
    registersOf: (task: Task) => number,
  ): number {
    const mixer = new Mixer();
    for (const task of state.tasks) this.#mixTask(mixer, task, state.now);
    for (const { current, queue, needResched } of state.vcpus) {
      mixer.number(current);
      mixer.number(Number(needResched));
      for (const id of queue) mixer.number(id);
      mixer.number(-1);
    }
    for (const process of state.processes) mixer.number(this.#hashFresh(process));
    mixer.number(state.nextTid);
    mixer.number(state.randomWordsDrawn);
    for (const task of state.tasks) {
      mixer.number(task.state.kind === 'dead' ? 0 : registersOf(task));
    }
    for (const space of spaces) this.#mixSpace(mixer, space);
    this.#memory.update();
    for (const lane of this.#memory.lanes) mixer.number(lane);
    return mixer.digest;
  }

  #mixTask(mixer: Mixer, task: Task, now: number): void {
    if (task.state.kind === 'dead') {
      mixer.number(this.#hashValue(task.state));
      return;
    }
    for (const [name, part] of TASK_FIELDS) {
      const value = task[name];
      mixer.number(part === 'number' ? Number(value) : this.#hashValue(value));
    }
    mixSlice(mixer, task, now);
    if (task.state.kind === 'blocked') this.#mixBlocked(mixer, task.state, now);
    else mixer.number(this.#hashValue(task.state));
  }

  #mixBlocked(mixer: Mixer, blocked: BlockedState, now: number): void {
    mixer.number(this.#hashValue(blocked.wait));
    mixer.number(this.#hashValue(blocked.timeoutResult));
    mixer.number(blocked.deadline === Number.POSITIVE_INFINITY ? -1 : blocked.deadline - now);
  }

  /** Immutable values are hashed once. */
  #hashValue(value: unknown): number {
    if (typeof value !== 'object' || value === null) return this.#hashWord(String(value));
    let hash = this.#values.get(value);
    if (hash === undefined) {
      hash = hashBytes(encodeCanonically(value));
      this.#values.set(value, hash);
    }
    return hash;
  }

  #hashWord(word: string): number {
    let hash = this.#words.get(word);
    if (hash === undefined) {
      hash = hashBytes(encodeCanonically(word));
      this.#words.set(word, hash);
    }
    return hash;
  }

  #hashFresh(process: Process): number {
    const mixer = new Mixer();
    for (const value of Object.values(process)) {
      mixer.number(typeof value === 'number' ? value : this.#hashValue(value));
    }
    return mixer.digest;
  }

  /** Which frame is where; what is in them is the memory's key. */
  #mixSpace(mixer: Mixer, space: AddressSpace): void {
    let hash = this.#tables.get(space.version);
    if (hash === undefined) {
      const pages: number[] = [];
      space.forEachPage((address, frame) => pages.push(address, frame));
      const { mappings, breakStart, breakEnd } = space;
      hash = hashBytes(encodeCanonically({ pages, mappings, breakStart, breakEnd }));
      this.#tables.set(space.version, hash);
    }
    mixer.number(hash);
  }
}

/** The hash of a register file, as keys want it. */
export function hashRegisters(file: BigUint64Array): number {
  return hashBytes(new Uint8Array(file.buffer, file.byteOffset, file.byteLength));
}
