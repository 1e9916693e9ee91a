import { ERRNO, type Errno } from '../abi/errno.ts';
import {
  FUTEX,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_PRIVATE_FLAG,
} from '../abi/futex.ts';
import { NANOSECONDS_PER_SECOND, REALTIME_EPOCH_SECONDS } from '../abi/time.ts';
import { guestAddress } from '../hardware/address.ts';
import { findWaiters, nextOrder, requeueWaiter, wakeWaiters } from '../task/futex-queue.ts';
import type { FutexKey } from '../task/task.ts';
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
import { makeKey } from './futex-key.ts';
import { runEncodedOperation } from './futex-operation.ts';
import { parameters } from './parameters.ts';
import { isValid, readTimespec, toDeadline, toNanoseconds } from './timespec.ts';

/** The arguments of futex(2), narrowed as SYSCALL_DEFINE6(futex) does. */
interface FutexCall {
  readonly context: SyscallContext;
  readonly address: bigint;
  readonly command: number;
  readonly isPrivate: boolean;
  readonly isRealtime: boolean;
  /** Expected value, or how many to wake. */
  readonly value: number;
  /** Pointer to a timeout, or (its low half) how many to requeue or wake at the second futex. */
  readonly timeout: bigint;
  readonly address2: bigint;
  readonly value3: number;
}

const NEVER = Number.POSITIVE_INFINITY;
const TIMED_OUT = BigInt(-ERRNO.ETIMEDOUT);
const REALTIME_EPOCH = REALTIME_EPOCH_SECONDS * NANOSECONDS_PER_SECOND;

/** Mirrors kernel/futex/syscalls.c: the timeout is read first, whatever the rest is worth. */
function sysFutex(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const operation = toUint32(args[1]);
  const call: FutexCall = {
    context,
    address: args[0],
    command: (operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) >>> 0,
    isPrivate: (operation & FUTEX_PRIVATE_FLAG) !== 0,
    isRealtime: (operation & FUTEX_CLOCK_REALTIME) !== 0,
    value: toUint32(args[2]),
    timeout: args[3],
    address2: args[4],
    value3: toUint32(args[5]),
  };
  switch (call.command) {
    case FUTEX.WAIT:
      return wait(call, FUTEX_BITSET_MATCH_ANY);
    case FUTEX.WAIT_BITSET:
      return wait(call, call.value3);
    case FUTEX.LOCK_PI:
    case FUTEX.UNLOCK_PI:
    case FUTEX.TRYLOCK_PI:
    case FUTEX.WAIT_REQUEUE_PI:
    case FUTEX.CMP_REQUEUE_PI:
    case FUTEX.LOCK_PI2:
      return { kind: 'unsupported', detail: 'a futex with priority inheritance' };
  }
  if (call.isRealtime) return fails('ENOSYS');
  switch (call.command) {
    case FUTEX.WAKE:
      return wake(call, FUTEX_BITSET_MATCH_ANY);
    case FUTEX.WAKE_BITSET:
      return wake(call, call.value3);
    case FUTEX.REQUEUE:
      return requeue(call, undefined);
    case FUTEX.CMP_REQUEUE:
      return requeue(call, call.value3);
    case FUTEX.WAKE_OP:
      return wakeOperation(call);
    default:
      return fails('ENOSYS');
  }
}

function keyOf(call: FutexCall, word: bigint, access: 'read' | 'write'): FutexKey | Errno {
  return makeKey(call.context, word, { isPrivate: call.isPrivate, access });
}

/** The deadline of a wait, or the errno of a bad timeout (futex_init_timeout). */
function readDeadline(call: FutexCall): number | Errno {
  if (call.timeout === 0n) return NEVER;
  const { memory, state } = call.context;
  const time = readTimespec(memory, call.timeout);
  if (time === undefined) return 'EFAULT';
  if (!isValid(time)) return 'EINVAL';
  const nanoseconds = toNanoseconds(time);
  if (call.command === FUTEX.WAIT) return toDeadline(state.now, BigInt(state.now) + nanoseconds);
  return toDeadline(state.now, call.isRealtime ? nanoseconds - REALTIME_EPOCH : nanoseconds);
}

/** futex_wait: a deadline that has passed is noticed before the task would sleep. */
function wait(call: FutexCall, bitset: number): SyscallResult {
  const deadline = readDeadline(call);
  if (typeof deadline === 'string') return fails(deadline);
  if (call.isRealtime && call.command === FUTEX.WAIT) return fails('ENOSYS');
  if (bitset === 0) return fails('EINVAL');
  return waitOnFutex(call.context, { ...call, bitset, deadline });
}

/** A wait for a futex, as futex(2) and restart_syscall(2) ask for it. */
interface FutexWaitRequest {
  readonly address: bigint;
  readonly isPrivate: boolean;
  readonly value: number;
  readonly bitset: number;
  readonly deadline: number;
}

/** __futex_wait: sleeps unless the word has another value or the time is over. */
export function waitOnFutex(context: SyscallContext, request: FutexWaitRequest): SyscallResult {
  const { state, memory } = context;
  const { isPrivate, value, bitset, deadline } = request;
  const key = makeKey(context, request.address, { isPrivate, access: 'read' });
  if (typeof key === 'string') return fails(key);
  const address = guestAddress(key.address);
  const found = memory.readU32(address);
  if (found === undefined) return fails('EFAULT');
  if (found !== value) return fails('EAGAIN');
  if (deadline <= state.now) return fails('ETIMEDOUT');
  const order = nextOrder(state);
  return {
    kind: 'block',
    state: {
      kind: 'blocked',
      wait: { kind: 'futex', key, bitset, address, isPrivate, value, order },
      deadline,
      timeoutResult: TIMED_OUT,
    },
  };
}

/** futex_wake. Fewer than one to wake means one: the count is looked at after the first. */
function wake(call: FutexCall, bitset: number): SyscallResult {
  const { state } = call.context;
  if (bitset === 0) return fails('EINVAL');
  const key = keyOf(call, call.address, 'write');
  if (typeof key === 'string') return fails(key);
  return returns(wakeSome(call, findWaiters(state, key, bitset), call.value));
}

/** Wakes up to `count` (an int, at least one) of the waiters and returns how many it were. */
function wakeSome(call: FutexCall, waiters: ReturnType<typeof findWaiters>, count: number): number {
  const limit = Math.max(1, count | 0);
  return waiters.length - wakeWaiters(call.context, waiters, limit).length;
}

/** futex_requeue: wakes some, moves some of the others. Both counts may be zero. */
function requeue(call: FutexCall, expected: number | undefined): SyscallResult {
  const { state, memory } = call.context;
  const wakeCount = call.value | 0;
  const moveCount = toInt32(call.timeout);
  if (wakeCount < 0 || moveCount < 0) return fails('EINVAL');
  const from = keyOf(call, call.address, 'read');
  if (typeof from === 'string') return fails(from);
  const to = keyOf(call, call.address2, 'read');
  if (typeof to === 'string') return fails(to);
  if (expected !== undefined) {
    const value = memory.readU32(from.address);
    if (value === undefined) return fails('EFAULT');
    if (value !== expected) return fails('EAGAIN');
  }
  const waiters = findWaiters(state, from);
  const waiting = wakeWaiters(call.context, waiters, wakeCount);
  const moved = waiting.slice(0, moveCount);
  for (const task of moved) requeueWaiter(state, task, to);
  return returns(waiters.length - waiting.length + moved.length);
}

/** futex_wake_op: changes the second word, wakes at the first, and at the second if it held. */
function wakeOperation(call: FutexCall): SyscallResult {
  const { state, memory } = call.context;
  const first = keyOf(call, call.address, 'read');
  if (typeof first === 'string') return fails(first);
  const second = keyOf(call, call.address2, 'write');
  if (typeof second === 'string') return fails(second);
  const held = runEncodedOperation(memory, second.address, call.value3);
  if (typeof held === 'string') return fails(held);
  let woken = wakeSome(call, findWaiters(state, first), call.value);
  if (held) woken += wakeSome(call, findWaiters(state, second), toInt32(call.timeout));
  return returns(woken);
}

export const futex: SyscallEntry = {
  name: 'futex',
  parameters: parameters({
    uaddr: 'pointer',
    op: 'hex',
    val: 'uint',
    timeout: 'pointer',
    uaddr2: 'pointer',
    val3: 'hex',
  }),
  support: 'partial',
  note: 'no priority inheritance',
  handler: sysFutex,
};
