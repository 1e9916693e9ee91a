/*
 * The operations where the kernel tells the CPU number and nothing else: LOCK-prefixed instructions
 * commit, on the slot of a CPU that the thread may have left by then. A version beside the list's head
 * tells a head that came back from one that stayed. Unprotected: plain loads and stores.
 */
#ifndef GUEST_ABI_LOCKED_H
#define GUEST_ABI_LOCKED_H

#include "scheme.h"

#define SCHEME_OPERATIONS

/* To be defined by the scheme. */
static inline uint32_t scheme_cpu(void);

static inline enum rseq_outcome slot_add(struct slot *slots, uint64_t addend) {
  struct slot *slot = &slots[scheme_cpu()];
#ifdef UNPROTECTED
  uint64_t value = *(volatile uint64_t *)&slot->value;
  *(volatile uint64_t *)&slot->value = value + addend;
#else
  __asm__ volatile("lock addq %[addend], %[value]"
                   : [value] "+m"(slot->value)
                   : [addend] "er"(addend)
                   : "cc", "memory");
#endif
  return RSEQ_COMMITTED;
}

/* {value, count} = {desired, version + 1} if it is {expected, version}. */
static inline enum rseq_outcome slot_exchange(struct slot *slot, uint64_t expected,
                                              uint64_t version, uint64_t desired) {
  uint8_t done;
  __asm__ volatile("lock cmpxchg16b %[slot]\n\t"
                   "sete %[done]"
                   : [slot] "+m"(*slot), [done] "=q"(done), "+a"(expected), "+d"(version)
                   : "b"(desired), "c"(version + 1)
                   : "cc", "memory");
  return done ? RSEQ_COMMITTED : RSEQ_ABORTED;
}

static inline enum rseq_outcome slot_push(struct slot *slots, uint64_t *node) {
  struct slot *slot = &slots[scheme_cpu()];
  uint64_t version = __atomic_load_n(&slot->count, __ATOMIC_ACQUIRE);
  uint64_t head = __atomic_load_n(&slot->value, __ATOMIC_ACQUIRE);
  __atomic_store_n(node, head, __ATOMIC_RELAXED);
  return slot_exchange(slot, head, version, (uint64_t)node);
}

static inline enum rseq_outcome slot_pop(struct slot *slots, uint64_t *first) {
  struct slot *slot = &slots[scheme_cpu()];
  uint64_t version = __atomic_load_n(&slot->count, __ATOMIC_ACQUIRE);
  uint64_t head = __atomic_load_n(&slot->value, __ATOMIC_ACQUIRE);
  if (head == 0) {
    return RSEQ_EMPTY;
  }
  *first = head;
  /* The node may have been taken meanwhile; then the version is another one. */
  uint64_t next = __atomic_load_n((uint64_t *)head, __ATOMIC_RELAXED);
  return slot_exchange(slot, head, version, next);
}

static inline enum rseq_outcome slot_add_sum(struct slot *slots, const uint64_t *values,
                                             uint64_t words) {
  uint64_t sum = 0;
  for (uint64_t word = 0; word < words; word++) {
    sum += __atomic_load_n(&values[word], __ATOMIC_RELAXED);
  }
  return slot_add(slots, sum);
}

#endif
