import {
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  FUTEX_WORD_BYTES,
  ROBUST_LIST_HEAD,
  ROBUST_LIST_LIMIT,
} from '../abi/futex.ts';
import { toGuestAddress } from '../hardware/address.ts';
import type { KernelContext } from '../kernel-state.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { sharedKey } from './futex-key.ts';
import { findWaiters, wakeWaiters } from './futex-queue.ts';
import type { Process, Task } from './task.ts';

/** A task that dies, and what of its process it reaches. */
export interface DyingTask {
  readonly kernel: KernelContext;
  readonly task: Task;
  readonly process: Process;
  readonly memory: UserMemory;
}

/** A link of the list: bit 0 says that its lock inherits priority. */
interface RobustEntry {
  readonly address: bigint;
  readonly inheritsPriority: boolean;
}

/**
 * Marks the robust locks that a dying task holds and wakes a waiter of each. Mirrors
 * exit_robust_list in kernel/futex/core.c; user memory that faults ends the walk.
 */
export function exitRobustList(dying: DyingTask): void {
  const head = dying.task.robustList;
  if (head === 0n) return;
  const { memory } = dying;
  let entry = fetchEntry(memory, head + BigInt(ROBUST_LIST_HEAD.next));
  const offset = read(memory, head + BigInt(ROBUST_LIST_HEAD.futexOffset));
  const pending = fetchEntry(memory, head + BigInt(ROBUST_LIST_HEAD.pending));
  if (entry === undefined || offset === undefined || pending === undefined) return;
  for (let i = 0; i < ROBUST_LIST_LIMIT && entry.address !== head; i++) {
    // The link is read first: the lock may be reused as soon as it is released.
    const next = fetchEntry(memory, entry.address);
    if (entry.address !== pending.address) {
      if (!releaseLock(dying, entry, offset, { isPending: false })) return;
    }
    if (next === undefined) return;
    entry = next;
  }
  if (pending.address !== 0n) releaseLock(dying, pending, offset, { isPending: true });
}

function read(memory: UserMemory, word: bigint): bigint | undefined {
  const address = toGuestAddress(BigInt.asUintN(64, word));
  return address === undefined ? undefined : memory.readU64(address);
}

function fetchEntry(memory: UserMemory, word: bigint): RobustEntry | undefined {
  const link = read(memory, word);
  if (link === undefined) return undefined;
  return { address: link & ~1n, inheritsPriority: (link & 1n) !== 0n };
}

/** handle_futex_death; false when the lock word cannot be reached. */
function releaseLock(
  dying: DyingTask,
  entry: RobustEntry,
  offset: bigint,
  options: { readonly isPending: boolean },
): boolean {
  const { memory, task } = dying;
  const address = toGuestAddress(BigInt.asUintN(64, entry.address + offset));
  if (address === undefined || address % FUTEX_WORD_BYTES !== 0) return false;
  const value = memory.readU32(address);
  if (value === undefined) return false;
  const owner = value & FUTEX_TID_MASK;
  if (options.isPending && !entry.inheritsPriority && owner === 0) {
    wakeOne(dying, address);
    return true;
  }
  if (owner !== task.tid) return true;
  const released = ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0;
  if (!memory.writeU32(address, released)) return false;
  if (!entry.inheritsPriority && (value & FUTEX_WAITERS) !== 0) wakeOne(dying, address);
  return true;
}

function wakeOne(dying: DyingTask, address: number): void {
  const key = sharedKey(dying.memory.space, dying.process.space, address);
  wakeWaiters(dying.kernel, findWaiters(dying.kernel.state, key, FUTEX_BITSET_MATCH_ANY), 1);
}
