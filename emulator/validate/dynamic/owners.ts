import type { Task } from '../../../kernel-model/task/task.ts';
import { FILTER_ENTRIES, FILTER_GRANULE_SHIFT, FILTER_MASK } from '../../machine/watcher.ts';

/**
 * Who committed last to a word: a hint where it pays to look closer (see Ordering). It is no part of
 * snapshots, so after a restore it may suspect too much.
 */
export class Owners {
  readonly #addresses = new Float64Array(FILTER_ENTRIES);
  readonly #tasks = new Uint32Array(FILTER_ENTRIES);
  readonly #vcpus = new Uint8Array(FILTER_ENTRIES);
  readonly #mmCids = new Int32Array(FILTER_ENTRIES);

  /** A section of `task` commits to a word; returns whether it had an owner on another CPU. */
  commit({ id, vcpu, mmCid }: Task, address: number): boolean {
    const entry = (address >>> FILTER_GRANULE_SHIFT) & FILTER_MASK;
    const isOwned = this.#addresses[entry] === address;
    if (isOwned && this.#tasks[entry] === id && this.#vcpus[entry] === vcpu) return false;
    const isElsewhere = this.#vcpus[entry] !== vcpu && this.#mmCids[entry] !== mmCid;
    const isSuspect = isOwned && this.#tasks[entry] !== id && isElsewhere;
    this.#addresses[entry] = address;
    this.#tasks[entry] = id;
    this.#vcpus[entry] = vcpu;
    this.#mmCids[entry] = mmCid;
    return isSuspect;
  }

  /** The task that committed last to a word, 0 for none. */
  of(address: number): number {
    const entry = (address >>> FILTER_GRANULE_SHIFT) & FILTER_MASK;
    return this.#addresses[entry] === address ? (this.#tasks[entry] ?? 0) : 0;
  }
}
