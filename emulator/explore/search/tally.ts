import type { Decision } from '../../../kernel-model/sched/decision.ts';
import type { Outcome } from '../../machine/outcome.ts';
import type { Finding } from '../../validate/finding.ts';
import { outcomeOfFindings } from '../../validate/verdict.ts';
import type { Interruption, PlacedInterruption } from './interruption.ts';

/** A schedule that ended other than a correct program does. */
export interface Failure {
  readonly interruptions: readonly PlacedInterruption[];
  readonly decisions: readonly Decision[];
  readonly outcome: Outcome;
  /** The run came back to a state of its own with nothing left to change that: it has no end. */
  readonly isEndless: boolean;
}

/** A violation of a rule that schedules ran into: one of its rule at its instruction. */
export interface FoundViolation {
  /** As the first of them had it. */
  readonly finding: Finding;
  /** How many schedules, as far as each was followed. */
  readonly schedules: number;
  readonly interruptions: readonly PlacedInterruption[];
  readonly decisions: readonly Decision[];
}

/** A failure of one of `SearchBounds.suspects`, by its number. */
export interface FailureIn {
  readonly suspect: number;
  readonly failure: Failure;
}

/** The failure that a tally comes to: a run that fails by itself, else the first error of validators. */
export function failureOf({ failure, findings }: Tally): Failure | undefined {
  if (failure !== undefined) return failure;
  for (const { finding, interruptions, decisions } of findings) {
    const outcome = outcomeOfFindings([finding]);
    if (outcome !== undefined) return { interruptions, decisions, outcome, isEndless: false };
  }
  return undefined;
}

/** Whether a tally leaves something of its bound untried. */
export function isCutShort({ cuts }: Tally): boolean {
  return (cuts.timeout ?? 0) + (cuts.events ?? 0) + (cuts.unsupported ?? 0) > 0;
}

/** Why schedules were not followed to their end. */
export type Cut =
  /** The task spun without progress: others were given the turn. */
  | 'spin'
  /** Whoever interrupted went on for too long to stop it at each of its boundaries. */
  | 'excursion'
  /** The schedule exceeded its budget of instructions. */
  | 'timeout'
  /** The schedule had too many events, for strategies that count them. */
  | 'events'
  /** The schedule came to something that we do not model. */
  | 'unsupported';

/** How often each kind of interruption was made before an instruction, as the n-th of its schedule. */
export type CoverageRow = Partial<Record<Interruption['kind'], number[]>>;

/** What exploring one unit, or several, came to; plain JSON. Tallies add up in any order. */
export interface Tally {
  readonly schedules: number;
  readonly distinctStates: number;
  /** Schedules that came to a state from which all was explored. */
  readonly merged: number;
  /** Merges that were checked by comparing the states in full. */
  readonly verifiedMerges: number;
  readonly cuts: Readonly<Partial<Record<Cut, number>>>;
  /** By the address of the interrupted instruction. */
  readonly coverage: Readonly<Record<string, CoverageRow>>;
  /** What validators found, in the order in which it came up. */
  readonly findings: readonly FoundViolation[];
  /** The first failure that interrupts nothing but one of the suspects: see SearchBounds. */
  readonly failuresIn: readonly FailureIn[];
  /** A schedule that fails by itself. */
  readonly failure?: Failure | undefined;
  /** The first thing met that we do not model. */
  readonly unsupported?: string | undefined;
}

export const EMPTY_TALLY: Tally = {
  schedules: 0,
  distinctStates: 0,
  merged: 0,
  verifiedMerges: 0,
  cuts: {},
  coverage: {},
  findings: [],
  failuresIn: [],
};

/** The sum of two tallies; of two failures the first one's. */
export function addTallies(a: Tally, b: Tally): Tally {
  return {
    schedules: a.schedules + b.schedules,
    distinctStates: a.distinctStates + b.distinctStates,
    merged: a.merged + b.merged,
    verifiedMerges: a.verifiedMerges + b.verifiedMerges,
    cuts: addCounts(a.cuts, b.cuts),
    coverage: addCoverage(a.coverage, b.coverage),
    findings: addFindings(a.findings, b.findings),
    failuresIn: addFailuresIn(a.failuresIn, b.failuresIn),
    failure: a.failure ?? b.failure,
    unsupported: a.unsupported ?? b.unsupported,
  };
}

function addFindings(a: Tally['findings'], b: Tally['findings']): Tally['findings'] {
  if (b.length === 0) return a;
  const sum = new Map(a.map((found) => [nameOfFinding(found.finding), found]));
  for (const found of b) {
    const name = nameOfFinding(found.finding);
    const known = sum.get(name);
    const schedules = (known?.schedules ?? 0) + found.schedules;
    sum.set(name, { ...(known ?? found), schedules });
  }
  return [...sum.values()];
}

function addFailuresIn(a: Tally['failuresIn'], b: Tally['failuresIn']): Tally['failuresIn'] {
  return [...a, ...b.filter(({ suspect }) => !a.some((known) => known.suspect === suspect))];
}

/** Equal for findings that are one: the same rule at the same instruction of the same section. */
export function nameOfFinding({ rule, section, address }: Finding): string {
  return `${rule} ${section?.start ?? ''} ${address}`;
}

function addCounts(a: Tally['cuts'], b: Tally['cuts']): Tally['cuts'] {
  const sum = { ...a };
  for (const cut of CUTS) {
    const count = (a[cut] ?? 0) + (b[cut] ?? 0);
    if (count > 0) sum[cut] = count;
  }
  return sum;
}

export const CUTS: readonly Cut[] = ['spin', 'excursion', 'timeout', 'events', 'unsupported'];

const INTERRUPTION_KINDS: readonly Interruption['kind'][] = [
  'spurious',
  'preempt',
  'migrate',
  'fence',
  'signal',
  'overtake',
];

function addCoverage(a: Tally['coverage'], b: Tally['coverage']): Tally['coverage'] {
  const sum: Record<string, CoverageRow> = { ...a };
  for (const [address, row] of Object.entries(b)) {
    const into: CoverageRow = { ...sum[address] };
    for (const kind of INTERRUPTION_KINDS) {
      const counts = row[kind];
      if (counts !== undefined) into[kind] = addLists(into[kind] ?? [], counts);
    }
    sum[address] = into;
  }
  return sum;
}

function addLists(a: readonly number[], b: readonly number[]): number[] {
  return Array.from(
    { length: Math.max(a.length, b.length) },
    (_, index) => (a[index] ?? 0) + (b[index] ?? 0),
  );
}
