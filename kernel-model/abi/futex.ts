/** futex(2) commands (include/uapi/linux/futex.h), the operation without its option bits. */
export const FUTEX = {
  WAIT: 0,
  WAKE: 1,
  FD: 2,
  REQUEUE: 3,
  CMP_REQUEUE: 4,
  WAKE_OP: 5,
  LOCK_PI: 6,
  UNLOCK_PI: 7,
  TRYLOCK_PI: 8,
  WAIT_BITSET: 9,
  WAKE_BITSET: 10,
  WAIT_REQUEUE_PI: 11,
  CMP_REQUEUE_PI: 12,
  LOCK_PI2: 13,
} as const;

/** Only threads of the same address space wait and wake here. */
export const FUTEX_PRIVATE_FLAG = 128;
/** An absolute timeout is measured by CLOCK_REALTIME instead of CLOCK_MONOTONIC. */
export const FUTEX_CLOCK_REALTIME = 256;
export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;
export const FUTEX_WORD_BYTES = 4;

/** Operations of FUTEX_WAKE_OP on the second word, bits 28 to 30 of its encoding. */
export const FUTEX_OP = { SET: 0, ADD: 1, OR: 2, ANDN: 3, XOR: 4 } as const;
/** Bit 31 of the encoding: the operand is a shift count. */
export const FUTEX_OP_OPARG_SHIFT = 0x8000_0000;
/** Comparisons of FUTEX_WAKE_OP with the old value, bits 24 to 27 of its encoding. */
export const FUTEX_OP_CMP = { EQ: 0, NE: 1, LT: 2, LE: 3, GT: 4, GE: 5 } as const;

/** Bits of a robust or priority-inheriting futex word. */
export const FUTEX_WAITERS = 0x8000_0000;
export const FUTEX_OWNER_DIED = 0x4000_0000;
export const FUTEX_TID_MASK = 0x3fff_ffff;

/** struct robust_list_head: byte offsets. */
export const ROBUST_LIST_HEAD = { next: 0, futexOffset: 8, pending: 16, size: 24 } as const;
/** Entries that the kernel follows at most (ROBUST_LIST_LIMIT). */
export const ROBUST_LIST_LIMIT = 2048;
