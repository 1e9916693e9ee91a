/**
 * A part of a search that any process can explore with the same result: plain JSON. What it numbers
 * is the strategy's business: positions of the plain run, or schedules to draw.
 */
export interface WorkUnit {
  /** Units of a stage are explored once those of all stages before are. */
  readonly stage: number;
  /** The first and the last of what the unit covers. */
  readonly from: number;
  readonly to: number;
}

/** A unit that nobody could explore. */
export interface SetAsideUnit {
  readonly unit: WorkUnit;
  /** What happened each time that it was tried. */
  readonly reasons: readonly string[];
}

/** All units of a search, by stage, with what they cover. Plain JSON. */
export interface SearchPlan {
  readonly units: readonly WorkUnit[];
  readonly boundaries: readonly PlannedBoundary[];
  /** Dynamic entries beyond the bound, where nothing is interrupted. */
  readonly leftOut: readonly LeftOutEntries[];
  /** What a strategy that draws promises of each of its schedules. */
  readonly guarantee?: DrawGuarantee;
}

/** The least chance that one schedule shows a bug of this depth, if there is one (PCT). */
export interface DrawGuarantee {
  readonly probability: number;
  readonly depth: number;
  /** The most of each that pilot runs had: tasks, boundaries of one run, actions at a change point. */
  readonly tasks: number;
  readonly steps: number;
  readonly actions: number;
}

/** An instruction before which tasks are interrupted. */
export interface PlannedBoundary {
  readonly address: number;
  readonly places: readonly ('before' | 'inside' | 'after' | 'access' | 'signal')[];
}

export interface LeftOutEntries {
  readonly task: number;
  /** Where the section starts, or the instruction that accesses shared memory or sends a signal. */
  readonly address: number;
  readonly entries: number;
}
