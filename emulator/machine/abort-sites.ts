/** Everything an AbortSites knows, as a value. Opaque. */
export interface AbortSitesImage {
  readonly tallies: readonly number[];
}

export const NO_ABORT_SITES: AbortSitesImage = { tallies: [] };

/** Direct-mapped, as few instructions are met again and again. */
const CACHE_ENTRIES = 64;

/**
 * How often tasks were caught at each instruction. Going back to an image and recording again, as a
 * search does thousands of times a second, copies one number for each instruction met so far.
 */
export class AbortSites {
  /** Numbers the instructions in the order in which they were first met; images do not hold it. */
  readonly #numbers = new Map<number, number>();
  readonly #cachedAddresses = new Float64Array(CACHE_ENTRIES).fill(-1);
  readonly #cachedNumbers = new Uint32Array(CACHE_ENTRIES);
  /** By the instruction's number; the first ones where later ones are zero. */
  #tallies: readonly number[] = [];
  /** #tallies as long as no image holds it. */
  #own: number[] | undefined;

  record(address: number): void {
    const number = this.#numberOf(address);
    const own = this.#own ?? this.#copy();
    while (own.length <= number) own.push(0);
    own[number] = (own[number] ?? 0) + 1;
  }

  #numberOf(address: number): number {
    const slot = address & (CACHE_ENTRIES - 1);
    if (this.#cachedAddresses[slot] === address) return this.#cachedNumbers[slot] ?? 0;
    const number = this.#numbers.get(address) ?? this.#numbers.size;
    this.#numbers.set(address, number);
    this.#cachedAddresses[slot] = address;
    this.#cachedNumbers[slot] = number;
    return number;
  }

  #copy(): number[] {
    this.#own = this.#tallies.slice();
    this.#tallies = this.#own;
    return this.#own;
  }

  /** Aborts by address. */
  get counts(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const [address, number] of this.#numbers) {
      const tally = this.#tallies[number] ?? 0;
      if (tally > 0) counts.set(address, tally);
    }
    return counts;
  }

  save(): AbortSitesImage {
    this.#own = undefined;
    return { tallies: this.#tallies };
  }

  restore({ tallies }: AbortSitesImage): void {
    this.#tallies = tallies;
    this.#own = undefined;
  }
}
