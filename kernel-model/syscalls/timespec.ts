import { NANOSECONDS_PER_SECOND, TIME_FRACTION_OFFSET } from '../abi/time.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { getU64, putU64 } from './user-access.ts';

/** A length of time or a point of a clock, as struct timespec gives it. */
export interface Timespec {
  readonly seconds: bigint;
  /** Unsigned, as timespec64_valid looks at it. */
  readonly nanoseconds: bigint;
}

/** get_timespec64; `undefined` on a fault. */
export function readTimespec(memory: UserMemory, word: bigint): Timespec | undefined {
  const seconds = getU64(memory, word);
  const nanoseconds = getU64(memory, word + TIME_FRACTION_OFFSET);
  if (seconds === undefined || nanoseconds === undefined) return undefined;
  return { seconds: BigInt.asIntN(64, seconds), nanoseconds };
}

/** put_timespec64 of a time in nanoseconds; false on a fault. */
export function writeTimespec(memory: UserMemory, word: bigint, nanoseconds: bigint): boolean {
  return (
    putU64(memory, word, nanoseconds / NANOSECONDS_PER_SECOND) &&
    putU64(memory, word + TIME_FRACTION_OFFSET, nanoseconds % NANOSECONDS_PER_SECOND)
  );
}

/** timespec64_valid. */
export function isValid(time: Timespec): boolean {
  return time.seconds >= 0n && time.nanoseconds < NANOSECONDS_PER_SECOND;
}

/** timespec64_to_ktime, without its limit of 292 years. */
export function toNanoseconds(time: Timespec): bigint {
  return time.seconds * NANOSECONDS_PER_SECOND + time.nanoseconds;
}

/**
 * A deadline in virtual time, an instruction being a nanosecond. Never in the past; what lies
 * beyond the exact range of virtual time (104 days) never comes.
 */
export function toDeadline(now: number, nanoseconds: bigint): number {
  if (nanoseconds > BigInt(Number.MAX_SAFE_INTEGER)) return Number.POSITIVE_INFINITY;
  return Math.max(now, Number(nanoseconds));
}
