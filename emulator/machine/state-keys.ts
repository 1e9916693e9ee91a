import type { KernelState } from '../../kernel-model/kernel-state.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import type { PhysicalMemory } from '../../kernel-model/mm/physical-memory.ts';
import type { BlockedState, Process, Task } from '../../kernel-model/task/task.ts';
import { encodeCanonically } from './canonical.ts';
import { finish, MemoryKey } from './memory-key.ts';
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

/** Stands for a dead task; no task has this id. */
const DEAD = -1;

/** Two lanes of 32 bits, mixed one number after the other. */
class Mixer {
  #a = 0;
  #b = 0;

  constructor() {
    this.reset();
  }

  reset(): void {
    this.#a = 0x9e37_79b9;
    this.#b = 0x85eb_ca6b;
  }

  /** An integer below 2 ** 53. */
  number(value: number): void {
    const low = value | 0;
    const high = low === value ? 0 : Math.floor(value / 4_294_967_296) | 0;
    this.#a = Math.imul(this.#a ^ low, 0x01000193) ^ (this.#a >>> 15) ^ high;
    this.#b =
      (Math.imul(this.#b ^ high, 0xc2b2ae35) + Math.imul(low, 0x27d4eb2f)) ^ (this.#b >>> 13);
  }

  flag(value: boolean): void {
    this.number(value ? 1 : 0);
  }

  /** 53 bits. */
  get digest(): number {
    return (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11);
  }
}

/** The key of a state and one thing more about it, an integer below 2 ** 53. */
export function extendKey(key: number, value: number): number {
  const low = finish(key ^ Math.imul(value, 0x9e37_79b1));
  const highs = Math.floor(key / 2 ** 32) ^ Math.imul(Math.floor(value / 2 ** 32), 0x27d4_eb2f);
  const high = finish(highs ^ Math.imul(low, 0x85eb_ca77));
  return (low >>> 0) * 2 ** 21 + (high >>> 11);
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
  /** What the last key found at each of the places where it looked for a value, and its hash. */
  readonly #lastValues: unknown[] = [];
  readonly #lastHashes: number[] = [];
  #place = 0;
  readonly #mixer = new Mixer();

  constructor(memory: PhysicalMemory) {
    this.#memory = new MemoryKey(memory);
  }

  /** `registersOf` gives the hash of a live task's registers. */
  key(
    state: KernelState,
    spaces: readonly AddressSpace[],
    registersOf: (task: Task) => number,
  ): number {
    const mixer = this.#mixer;
    mixer.reset();
    this.#place = 0;
    for (const task of state.tasks) this.#mixTask(mixer, task, state.now);
    for (const { current, queue, needResched } of state.vcpus) {
      mixer.number(current);
      mixer.flag(needResched);
      for (const id of queue) mixer.number(id);
      mixer.number(-1);
    }
    for (const process of state.processes) this.#mixProcess(mixer, process);
    mixer.number(state.nextTid);
    mixer.number(state.randomWordsDrawn);
    for (const task of state.tasks) {
      mixer.number(task.state.kind === 'dead' ? 0 : registersOf(task));
    }
    for (const space of spaces) this.#mixSpace(mixer, space);
    this.#memory.update();
    mixer.number(this.#memory.lowLane);
    mixer.number(this.#memory.highLane);
    return mixer.digest;
  }

  /** The fields of TASK_PARTS, written out: reading them by name costs more than all the rest. */
  #mixTask(mixer: Mixer, task: Task, now: number): void {
    if (task.state.kind === 'dead') {
      mixer.number(DEAD);
      mixer.number(task.state.status);
      return;
    }
    mixer.number(task.id);
    mixer.number(task.tid);
    mixer.number(task.process);
    mixer.number(task.vcpu);
    this.#mixValue(mixer, task.affinity);
    mixer.number(task.clearChildTid);
    this.#mixValue(mixer, task.robustList);
    this.#mixValue(mixer, task.rseq);
    mixer.number(task.rseqEvents);
    mixer.number(task.rseqEventCounter);
    mixer.number(task.rseqIds);
    mixer.flag(task.notifyResume);
    this.#mixValue(mixer, task.entry);
    mixer.number(task.systemCall);
    this.#mixValue(mixer, task.signals);
    mixer.flag(task.hasSignalWork);
    mixer.number(task.mmCid);
    mixSlice(mixer, task, now);
    if (task.state.kind === 'blocked') this.#mixBlocked(mixer, task.state, now);
    else this.#mixValue(mixer, task.state);
  }

  #mixBlocked(mixer: Mixer, blocked: BlockedState, now: number): void {
    this.#mixValue(mixer, blocked.wait);
    this.#mixValue(mixer, blocked.timeoutResult);
    mixer.number(blocked.deadline === Number.POSITIVE_INFINITY ? -1 : blocked.deadline - now);
  }

  #mixProcess(mixer: Mixer, process: Process): void {
    mixer.number(process.id);
    mixer.number(process.tgid);
    mixer.number(process.group);
    mixer.number(process.parent ?? -1);
    mixer.number(process.exitSignal);
    mixer.flag(process.isReaped);
    mixer.number(process.space);
    mixer.number(process.membarrierRegistrations);
    this.#mixValue(mixer, process.rseq);
    this.#mixValue(mixer, process.signals);
    this.#mixValue(mixer, process.stop);
    this.#mixValue(mixer, process.ending);
  }

  /** Immutable values are hashed once, and not looked up where they are the last key's. */
  #mixValue(mixer: Mixer, value: unknown): void {
    const place = this.#place++;
    if (this.#lastValues[place] !== value || place >= this.#lastValues.length) {
      this.#lastValues[place] = value;
      this.#lastHashes[place] = this.#hashValue(value);
    }
    mixer.number(this.#lastHashes[place] ?? 0);
  }

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
      hash = hashText(word);
      this.#words.set(word, hash);
    }
    return hash;
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

/** The hash of a text, for extendKey; 53 bits. */
export function hashText(text: string): number {
  return hashBytes(encodeCanonically(text));
}

/** The hash of a register file, as keys want it; 53 bits. */
export function hashRegisters(file: BigUint64Array): number {
  const words = new Uint32Array(file.buffer, file.byteOffset, 2 * file.length);
  let a = 0x9e37_79b1;
  let b = 0x85eb_ca77;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0;
    a = Math.imul(a ^ word, 0x0100_0193);
    a ^= a >>> 15;
    b = Math.imul((b << 13) | (b >>> 19), 5) ^ Math.imul(word, 0xc2b2_ae35);
  }
  return (finish(a) >>> 0) * 2 ** 21 + (finish(b ^ a) >>> 11);
}
