import { MergeSample } from './merge-sample.ts';
import type { TallyCounter } from './tally-counter.ts';

/**
 * Whether what can follow from a state was explored: not yet, on another path, or further up this
 * one.
 */
export type Visit = 'new' | 'elsewhere' | 'on this path';

/** One path's view of the states that a unit has visited. */
export interface PathStates {
  /** Notes the state as visited with `toMake` interruptions to come, and tells whether it was before. */
  isExplored(key: number, toMake: number): Visit;
  /**
   * Notes the key, without the window, of a state on a path that has interruptions to come: what follows
   * without any is explored by a unit of an earlier stage.
   */
  passes(key: number): void;
}

/** States of the plain run. */
export interface PlainStates {
  hasState(key: number): boolean;
  /** A sample of them, if they were kept. */
  readonly sample?: MergeSample;
}

/** The states that a unit visited, by how many interruptions were still to be made there. */
export class VisitedStates {
  readonly #baseline: PlainStates | undefined;
  readonly #sample = new MergeSample();
  readonly #describe: () => Uint8Array;
  readonly #counter: TallyCounter;
  readonly #paths: Map<number, number>[] = [];
  readonly #passed = new Set<number>();
  #path = 0;

  /**
   * `baseline`: states all of whose schedules are explored by units of earlier stages, if there are any;
   * `describe` gives the state in full that is being visited.
   */
  constructor(
    baseline: PlainStates | undefined,
    counter: TallyCounter,
    describe: () => Uint8Array,
  ) {
    this.#baseline = baseline;
    this.#counter = counter;
    this.#describe = describe;
  }

  beginPath(): PathStates {
    const path = ++this.#path;
    return {
      isExplored: (key, toMake) => this.#visit(key, toMake, path),
      passes: (key) => this.#passes(key),
    };
  }

  #passes(key: number): void {
    if (this.#passed.has(key)) return;
    this.#passed.add(key);
    this.#sample.keep(key, this.#describe);
  }

  #visit(key: number, toMake: number, path: number): Visit {
    if (this.#baseline?.hasState(key)) return this.#merge(key, this.#baseline.sample);
    if (toMake === 0 && this.#passed.has(key)) return this.#merge(key, this.#sample);
    this.#paths[toMake] ??= new Map();
    const paths = this.#paths[toMake];
    const known = paths.get(key);
    if (known === path) return 'on this path';
    if (known !== undefined) return this.#merge(key, this.#sample);
    paths.set(key, path);
    this.#sample.keep(key, this.#describe);
    this.#counter.distinctStates++;
    return 'new';
  }

  #merge(key: number, sample: MergeSample | undefined): Visit {
    if (sample?.compare(key, this.#describe)) this.#counter.verifiedMerges++;
    return 'elsewhere';
  }
}
