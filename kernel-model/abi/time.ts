/** Clock ids: include/uapi/linux/time.h. */
export const CLOCK = {
  REALTIME: 0,
  MONOTONIC: 1,
  PROCESS_CPUTIME_ID: 2,
  THREAD_CPUTIME_ID: 3,
  MONOTONIC_RAW: 4,
  REALTIME_COARSE: 5,
  MONOTONIC_COARSE: 6,
  BOOTTIME: 7,
  REALTIME_ALARM: 8,
  BOOTTIME_ALARM: 9,
  TAI: 11,
} as const;

/** Flag of clock_nanosleep(2): the time is a point of the clock, not a length. */
export const TIMER_ABSTIME = 1;

export const NANOSECONDS_PER_SECOND = 1_000_000_000n;
export const NANOSECONDS_PER_MICROSECOND = 1000n;
/** Resolution of coarse clocks: the tick of a kernel with CONFIG_HZ=250, as Debian's. */
export const TICK_NANOSECONDS = 4_000_000n;

/** struct timespec, struct timeval: a word each for the seconds and the fraction. */
export const TIME_FRACTION_OFFSET = 8n;

/** CLOCK_REALTIME when the machine starts, in seconds: 8 April 2016, 17:46:45 UTC. */
export const REALTIME_EPOCH_SECONDS = 1_460_137_605n;
