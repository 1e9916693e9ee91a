import type { Baseline } from './baseline.ts';
import type { TallyCounter } from './tally-counter.ts';

/** Whether what can follow from a state was explored: not yet, on another path, or further up this one. */
export type Visit = 'new' | 'elsewhere' | 'on this path';

/** One path's view of the states that a unit has visited. */
export interface PathStates {
  /** Notes the state as visited with `toMake` interruptions to come, and tells whether it was before. */
  isExplored(key: string, toMake: number): Visit;
}

/** The states that a unit visited, by how many interruptions were still to be made there. */
export class VisitedStates {
  readonly #baseline: Pick<Baseline, 'hasState'> | undefined;
  readonly #counter: TallyCounter;
  readonly #paths: Map<string, number>[] = [];
  #path = 0;

  /** `baseline`: states all of whose schedules are explored by units of earlier stages, if there are any. */
  constructor(baseline: Pick<Baseline, 'hasState'> | undefined, counter: TallyCounter) {
    this.#baseline = baseline;
    this.#counter = counter;
  }

  beginPath(): PathStates {
    const path = ++this.#path;
    return { isExplored: (key, toMake) => this.#visit(key, toMake, path) };
  }

  #visit(key: string, toMake: number, path: number): Visit {
    if (this.#baseline?.hasState(key)) return 'elsewhere';
    this.#paths[toMake] ??= new Map();
    const paths = this.#paths[toMake];
    const known = paths.get(key);
    if (known === path) return 'on this path';
    if (known !== undefined) return 'elsewhere';
    paths.set(key, path);
    this.#counter.distinctStates++;
    return 'new';
  }
}
