/** Everything an AbortSites knows, as a value. Opaque. */
export interface AbortSitesImage {
  readonly folded: ReadonlyMap<number, number>;
  readonly recent: readonly number[];
}

const RECENT_MAX = 128;

/**
 * How often tasks were caught at each instruction. Going back to an image and recording again, as a
 * search does thousands of times a second, copies no more than the few latest aborts.
 */
export class AbortSites {
  #folded: ReadonlyMap<number, number> = new Map();
  #recent: readonly number[] = [];
  /** #recent as long as no image holds it. */
  #own: number[] | undefined;

  record(address: number): void {
    if (this.#recent.length === RECENT_MAX) {
      this.#folded = this.counts;
      this.#own = [];
    }
    this.#own ??= this.#recent.slice();
    this.#recent = this.#own;
    this.#own.push(address);
  }

  /** Aborts by address. */
  get counts(): ReadonlyMap<number, number> {
    const counts = new Map(this.#folded);
    for (const address of this.#recent) counts.set(address, (counts.get(address) ?? 0) + 1);
    return counts;
  }

  save(): AbortSitesImage {
    this.#own = undefined;
    return { folded: this.#folded, recent: this.#recent };
  }

  restore({ folded, recent }: AbortSitesImage): void {
    this.#folded = folded;
    this.#recent = recent;
    this.#own = undefined;
  }
}

export const NO_ABORT_SITES: AbortSitesImage = { folded: new Map(), recent: [] };
