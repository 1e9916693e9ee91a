import type { PlacedInterruption } from './interruption.ts';
import type { CoverageRow, Cut, Failure, Tally } from './tally.ts';

/** Counts what a unit comes to while it is explored. */
export class TallyCounter {
  schedules = 0;
  distinctStates = 0;
  merged = 0;
  verifiedMerges = 0;
  failure: Failure | undefined;
  unsupported: string | undefined;
  readonly #cuts: Partial<Record<Cut, number>> = {};
  readonly #coverage = new Map<number, CoverageRow>();

  cut(reason: Cut): void {
    this.#cuts[reason] = (this.#cuts[reason] ?? 0) + 1;
  }

  /** An interruption was made as the `ordinal`-th of its schedule, counted from 0. */
  cover({ address, interruption: { kind } }: PlacedInterruption, ordinal: number): void {
    let row = this.#coverage.get(address);
    if (row === undefined) {
      row = {};
      this.#coverage.set(address, row);
    }
    let counts = row[kind];
    if (counts === undefined) {
      counts = [];
      row[kind] = counts;
    }
    while (counts.length <= ordinal) counts.push(0);
    counts[ordinal] = (counts[ordinal] ?? 0) + 1;
  }

  /** What was counted since the counter was made. */
  get tally(): Tally {
    return {
      schedules: this.schedules,
      distinctStates: this.distinctStates,
      merged: this.merged,
      verifiedMerges: this.verifiedMerges,
      cuts: { ...this.#cuts },
      coverage: Object.fromEntries(this.#coverage),
      failure: this.failure,
      unsupported: this.unsupported,
    };
  }
}
