import type { SectionCode } from './section-code.ts';

/** A descriptor as it is in memory, and the code that it marks. */
export interface CriticalSection {
  /** Its address. */
  readonly descriptor: number;
  /** Of its descriptor, in bytes: 32, or 24 without version and flags. */
  readonly version: number;
  readonly flags: number;
  readonly startIp: bigint;
  readonly postCommitOffset: bigint;
  readonly abortIp: bigint;
  /** Where the pointer array has it; left out for one that was only found in a table. */
  readonly listedAt: readonly number[];
  /** Found in this table, or by its shape alone. */
  readonly table: string;
  /** As listed for debuggers. */
  readonly exits: readonly number[];
  /** Of the words above; not a number where they are no user addresses. */
  readonly start: number;
  readonly end: number;
  readonly abort: number;
  /** Left out where the range is not one of code. */
  readonly code: SectionCode | undefined;
}
