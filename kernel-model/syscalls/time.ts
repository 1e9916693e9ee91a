import {
  CLOCK,
  NANOSECONDS_PER_MICROSECOND,
  NANOSECONDS_PER_SECOND,
  REALTIME_EPOCH_SECONDS,
  TIME_FRACTION_OFFSET,
  TIMER_ABSTIME,
} from '../abi/time.ts';
import type { BlockedState, Wait } from '../task/task.ts';
import { findClock, readClock } from './clocks.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';
import { isValid, readTimespec, toDeadline, toNanoseconds, writeTimespec } from './timespec.ts';
import { putU64 } from './user-access.ts';

const CLOCK_NOTE = 'one retired instruction is one nanosecond; no clocks of CPU time';
const CPU_TIME: SyscallResult = { kind: 'unsupported', detail: 'a clock of CPU time' };

/** Mirrors kernel/time/hrtimer.c, SYSCALL_DEFINE2(nanosleep). */
function sysNanosleep(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const time = readTimespec(context.memory, args[0]);
  if (time === undefined) return fails('EFAULT');
  if (!isValid(time)) return fails('EINVAL');
  return sleep(context, BigInt(context.state.now) + toNanoseconds(time), {
    isAbsolute: false,
    remainderAddress: args[1],
  });
}

/** Mirrors clock_nanosleep in kernel/time/posix-timers.c; all flags but one are ignored. */
function sysClockNanosleep(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const id = toInt32(args[0]);
  const clock = findClock(id);
  if (clock === undefined) return fails('EINVAL');
  if (clock.kind === 'alarm' || id === CLOCK.THREAD_CPUTIME_ID) return fails('EOPNOTSUPP');
  if (clock.kind === 'cpu-time') return CPU_TIME;
  if (!clock.sleeps) return fails('EOPNOTSUPP');
  const time = readTimespec(context.memory, args[2]);
  if (time === undefined) return fails('EFAULT');
  if (!isValid(time)) return fails('EINVAL');
  const isAbsolute = (toUint32(args[1]) & TIMER_ABSTIME) !== 0;
  return isAbsolute
    ? sleep(context, toNanoseconds(time) - clock.epochNanoseconds, {
        isAbsolute,
        remainderAddress: 0n,
      })
    : sleep(context, BigInt(context.state.now) + toNanoseconds(time), {
        isAbsolute,
        remainderAddress: args[3],
      });
}

/** do_nanosleep: even a sleep of no length gives the CPU away. */
export function sleepUntil(wait: Extract<Wait, { kind: 'sleep' }>, deadline: number): BlockedState {
  return { kind: 'blocked', wait, deadline, timeoutResult: 0n };
}

/** A sleep until a point of virtual time, in nanoseconds. */
function sleep(
  { state }: SyscallContext,
  until: bigint,
  options: Omit<Extract<Wait, { kind: 'sleep' }>, 'kind'>,
): SyscallResult {
  const deadline = toDeadline(state.now, until);
  return { kind: 'block', state: sleepUntil({ kind: 'sleep', ...options }, deadline) };
}

function sysClockGettime(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const clock = findClock(toInt32(args[0]));
  if (clock === undefined || clock.kind === 'alarm') return fails('EINVAL');
  if (clock.kind === 'cpu-time') return CPU_TIME;
  const written = writeTimespec(context.memory, args[1], readClock(clock, context.state.now));
  return written ? returns(0) : fails('EFAULT');
}

function sysClockGetres(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const clock = findClock(toInt32(args[0]));
  if (clock === undefined || clock.kind === 'alarm') return fails('EINVAL');
  if (clock.kind === 'cpu-time') return CPU_TIME;
  if (args[1] === 0n) return returns(0);
  const written = writeTimespec(context.memory, args[1], clock.resolutionNanoseconds);
  return written ? returns(0) : fails('EFAULT');
}

/** Nanoseconds since 1970. */
function realtime(context: SyscallContext): bigint {
  return REALTIME_EPOCH_SECONDS * NANOSECONDS_PER_SECOND + BigInt(context.state.now);
}

/** Mirrors kernel/time/time.c; the time zone is UTC. */
function sysGettimeofday(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const { memory } = context;
  const [tv, zone] = args;
  const nanoseconds = realtime(context);
  const microseconds = (nanoseconds % NANOSECONDS_PER_SECOND) / NANOSECONDS_PER_MICROSECOND;
  if (tv !== 0n) {
    if (!putU64(memory, tv, nanoseconds / NANOSECONDS_PER_SECOND)) return fails('EFAULT');
    if (!putU64(memory, tv + TIME_FRACTION_OFFSET, microseconds)) return fails('EFAULT');
  }
  return zone === 0n || putU64(memory, zone, 0n) ? returns(0) : fails('EFAULT');
}

function sysTime(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const seconds = realtime(context) / NANOSECONDS_PER_SECOND;
  if (args[0] !== 0n && !putU64(context.memory, args[0], seconds)) return fails('EFAULT');
  return returns(seconds);
}

export const nanosleep: SyscallEntry = {
  name: 'nanosleep',
  parameters: parameters({ rqtp: 'pointer', rmtp: 'pointer' }),
  support: 'partial',
  note: 'a sleep of more than 104 days never ends',
  handler: sysNanosleep,
};

export const clockNanosleep: SyscallEntry = {
  name: 'clock_nanosleep',
  parameters: parameters({ clockid: 'int', flags: 'hex', rqtp: 'pointer', rmtp: 'pointer' }),
  support: 'partial',
  note: `${CLOCK_NOTE}; a sleep of more than 104 days never ends`,
  handler: sysClockNanosleep,
};

export const clockGettime: SyscallEntry = {
  name: 'clock_gettime',
  parameters: parameters({ clockid: 'int', tp: 'pointer' }),
  support: 'partial',
  note: CLOCK_NOTE,
  handler: sysClockGettime,
};

export const clockGetres: SyscallEntry = {
  name: 'clock_getres',
  parameters: parameters({ clockid: 'int', res: 'pointer' }),
  support: 'partial',
  note: CLOCK_NOTE,
  handler: sysClockGetres,
};

export const gettimeofday: SyscallEntry = {
  name: 'gettimeofday',
  parameters: parameters({ tv: 'pointer', tz: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysGettimeofday,
};

export const time: SyscallEntry = {
  name: 'time',
  parameters: parameters({ tloc: 'pointer' }),
  support: 'full',
  note: '',
  handler: sysTime,
};
