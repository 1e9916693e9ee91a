import type { ExpectedCountRow } from './expected-count.ts';
import type { InterferenceRow } from './interference.ts';
import type { LoadRow } from './load.ts';
import type { ProtocolRow } from './protocol.ts';
import type { SteppingRow } from './stepping.ts';

/** The long section under many preemptions, by what the tasks beside it work on. */
export interface HeavyLoadRow {
  /** Two tasks, an object each. */
  readonly independent: LoadRow;
  /** Six tasks on the same two objects. */
  readonly contended: LoadRow;
}

/** Everything measured under one kernel; parts are absent where there is nothing to measure. */
export interface CompareRow {
  readonly profile: string;
  /** Choices of the kernel's model that no source confirms: figures rest on them. */
  readonly inferred: readonly string[];
  /** The program, and the SHA-256 of its file. */
  readonly guest: { readonly path: string; readonly sha256: string };
  /** Instructions of one uninterrupted operation with its loop; of a file given by name, of the run. */
  readonly fastPathInstructions: number;
  readonly loads: readonly LoadRow[];
  readonly heavyLoad?: HeavyLoadRow;
  readonly interference?: InterferenceRow;
  readonly expectedCount?: ExpectedCountRow;
  readonly protocol?: ProtocolRow;
  readonly stepping?: readonly SteppingRow[];
}
