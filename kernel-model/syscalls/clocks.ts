import {
  CLOCK,
  NANOSECONDS_PER_SECOND,
  REALTIME_EPOCH_SECONDS,
  TICK_NANOSECONDS,
} from '../abi/time.ts';

/** A clock that shows virtual time. */
export interface ModelledClock {
  readonly kind: 'modelled';
  /** Its time when the machine starts, in nanoseconds. */
  readonly epochNanoseconds: bigint;
  readonly resolutionNanoseconds: bigint;
  /** Whether clock_nanosleep(2) takes it. */
  readonly sleeps: boolean;
}

export type Clock =
  | ModelledClock
  /** Wakes the machine up by its real-time clock chip: the modelled machine has none. */
  | { readonly kind: 'alarm' }
  /** Counts the CPU time of a task, which the model does not. */
  | { readonly kind: 'cpu-time' };

const EPOCH = REALTIME_EPOCH_SECONDS * NANOSECONDS_PER_SECOND;

function clock(epochNanoseconds: bigint, options: { sleeps: boolean; tick?: boolean }): Clock {
  const resolutionNanoseconds = options.tick === true ? TICK_NANOSECONDS : 1n;
  return { kind: 'modelled', epochNanoseconds, resolutionNanoseconds, sleeps: options.sleeps };
}

const CLOCKS: Readonly<Record<number, Clock>> = {
  [CLOCK.REALTIME]: clock(EPOCH, { sleeps: true }),
  [CLOCK.MONOTONIC]: clock(0n, { sleeps: true }),
  [CLOCK.PROCESS_CPUTIME_ID]: { kind: 'cpu-time' },
  [CLOCK.THREAD_CPUTIME_ID]: { kind: 'cpu-time' },
  [CLOCK.MONOTONIC_RAW]: clock(0n, { sleeps: false }),
  [CLOCK.REALTIME_COARSE]: clock(EPOCH, { sleeps: false, tick: true }),
  [CLOCK.MONOTONIC_COARSE]: clock(0n, { sleeps: false, tick: true }),
  [CLOCK.BOOTTIME]: clock(0n, { sleeps: true }),
  [CLOCK.REALTIME_ALARM]: { kind: 'alarm' },
  [CLOCK.BOOTTIME_ALARM]: { kind: 'alarm' },
  [CLOCK.TAI]: clock(EPOCH, { sleeps: true }),
};

/** clockid_to_kclock. Negative ids are CPU clocks of a task, or of a device. */
export function findClock(id: number): Clock | undefined {
  return id < 0 ? { kind: 'cpu-time' } : CLOCKS[id];
}

/** The time of a clock in nanoseconds; `now` is virtual time in retired instructions. */
export function readClock(clock: ModelledClock, now: number): bigint {
  return clock.epochNanoseconds + BigInt(now);
}
