import type { Decision } from '../../../kernel-model/sched/decision.ts';

/** A signal that may come from outside: to one task, or to whichever one is interrupted. */
export interface SignalSource {
  readonly signal: number;
  readonly task: number | undefined;
}

/** What bounds a search; plain JSON. */
export interface SearchBounds {
  /** Interruptions at most. */
  readonly preemptions: number;
  /** Dynamic entries of each section by each task whose boundaries are interrupted. */
  readonly entries: number;
  /** Instructions of one schedule at most; more is a time-out. */
  readonly instructions: number;
  /** Signals from outside, to deliver at boundaries; those that the program sends come besides. */
  readonly signals: readonly SignalSource[];
  /** For strategies that draw: how many schedules, from which seed. */
  readonly runs: number;
  readonly seed: number;
  /** PCT's d: the number of ordering constraints that a bug needs. */
  readonly depth: number;
  /** For `replay`: the schedule to play. */
  readonly schedule?: readonly Decision[];
  /**
   * Given where failures do not end a search: of those that interrupt nothing but code of one of these
   * parts, the first is kept for it.
   */
  readonly suspects?: readonly SuspectCode[];
}

/** `2 interruptions before these instructions, in the first 3 entries of each by each task`. */
export function describeBoundaries(what: string, { preemptions, entries }: SearchBounds): string {
  const number = preemptions === 1 ? `1 ${what}` : `${preemptions} ${what}s`;
  const first = entries === 1 ? 'first entry' : `first ${entries} entries`;
  return `${number} before these instructions, in the ${first} of each by each task`;
}

/** A section with the code around it. */
export interface SuspectCode {
  /** Where the section starts. */
  readonly section: number;
  readonly start: number;
  readonly end: number;
}
