import type { Decision } from '../../../kernel-model/sched/decision.ts';
import type { Finding } from '../../validate/finding.ts';
import type { PlacedInterruption } from './interruption.ts';
import {
  type CoverageRow,
  type Cut,
  type Failure,
  type FoundViolation,
  nameOfFinding,
  type Tally,
} from './tally.ts';

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
  readonly #suspicions = new Set<string>();
  readonly #failuresIn = new Map<number, Failure>();
  readonly #findings = new Map<string, FoundViolation>();

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

  /** Notes what makes a schedule suspicious; whether there is something new. */
  suspect(suspicions: ReadonlySet<string>): boolean {
    const before = this.#suspicions.size;
    for (const suspicion of suspicions) this.#suspicions.add(suspicion);
    return this.#suspicions.size > before;
  }

  hasSuspicions(suspicions: ReadonlySet<string>): boolean {
    for (const suspicion of suspicions) if (!this.#suspicions.has(suspicion)) return false;
    return true;
  }

  hasFinding(finding: Finding): boolean {
    return this.#findings.has(nameOfFinding(finding));
  }

  /** A schedule ran into a violation; `decisions` is asked for where that is new. */
  find(
    finding: Finding,
    interruptions: readonly PlacedInterruption[],
    decisions: () => readonly Decision[],
  ): void {
    const name = nameOfFinding(finding);
    const known = this.#findings.get(name);
    const first = known ?? { finding, schedules: 0, interruptions, decisions: decisions() };
    this.#findings.set(name, { ...first, schedules: first.schedules + 1 });
  }

  /** A schedule failed that interrupted nothing but a suspect; `failure` is asked for once. */
  failIn(suspect: number, failure: () => Failure): void {
    if (!this.#failuresIn.has(suspect)) this.#failuresIn.set(suspect, failure());
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
      findings: [...this.#findings.values()],
      failuresIn: [...this.#failuresIn].map(([suspect, failure]) => ({ suspect, failure })),
      failure: this.failure,
      unsupported: this.unsupported,
    };
  }
}
