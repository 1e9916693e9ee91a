import type { EventAccess } from './dependence.ts';

const GRANULE_BYTES = 8;

interface Users {
  readonly task: number;
  hasOthers: boolean;
  isWritten: boolean;
}

/**
 * What is known of the memory that tasks share: what several of them used in any run so far and some
 * wrote. Private memory makes no events, so a search starts over when it learns of more.
 */
export class SharedMemory {
  readonly #users = new Map<number, Users>();
  readonly #shared = new Set<number>();
  /**
   * Whether accesses to a task's own rseq area are events: only where kernel and program both write
   * it.
   */
  watchesAreas = false;
  #mustWatchAreas = false;

  /** Notes an access; it counts from the next `learn` on. */
  note(task: number, { address, sizeBytes, isWrite }: EventAccess): void {
    for (const granule of granulesOf(address, sizeBytes)) {
      const users = this.#users.get(granule);
      if (users === undefined) {
        this.#users.set(granule, { task, hasOthers: false, isWritten: isWrite });
        continue;
      }
      users.hasOthers ||= users.task !== task;
      users.isWritten ||= isWrite;
    }
  }

  /** A hand-over changed more of a task's rseq area than the arming word. */
  noteAreaChange(): void {
    this.#mustWatchAreas = true;
  }

  isShared({ address, sizeBytes }: EventAccess): boolean {
    return granulesOf(address, sizeBytes).some((granule) => this.#shared.has(granule));
  }

  /** Takes in what was noted; true if anything is an event now that was none before. */
  learn(): boolean {
    let isNew = this.#mustWatchAreas && !this.watchesAreas;
    this.watchesAreas = this.#mustWatchAreas;
    for (const [granule, { hasOthers, isWritten }] of this.#users) {
      if (!hasOthers || !isWritten || this.#shared.has(granule)) continue;
      this.#shared.add(granule);
      isNew = true;
    }
    return isNew;
  }
}

function granulesOf(address: number, sizeBytes: number): number[] {
  const granules: number[] = [];
  const last = Math.floor((address + sizeBytes - 1) / GRANULE_BYTES);
  for (let at = Math.floor(address / GRANULE_BYTES); at <= last; at++) granules.push(at);
  return granules;
}
