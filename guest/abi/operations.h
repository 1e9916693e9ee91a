/*
 * The operations of the workloads in terms of a scheme's macros: one section each, one committing
 * store to the value of this CPU's slot.
 */
#ifndef GUEST_ABI_OPERATIONS_H
#define GUEST_ABI_OPERATIONS_H

#ifndef SCHEME_OPERATIONS

#include "abi/key_tuple.h"

#ifdef RSEQ_KEYS
RSEQ_KEY(slot_add_key);
#define SLOT_ADD_KEY , [key] "i"(&slot_add_key)
#else
#define SLOT_ADD_KEY
#endif

#define SCHEME_OPERATION static inline __attribute__((always_inline)) enum rseq_outcome
#define SCHEME_COMMIT "movq %%rax, (%%r8)\n"
#define SCHEME_CLOBBERS "memory", "cc", "rax", "rcx", "rdx", "r8", "r9"

/* value += addend. The start of its key is where the scheme begins, before anything is armed. */
SCHEME_OPERATION slot_add(struct slot *slots, uint64_t addend) {
  __asm__ goto("6:\n\t" RSEQ_KEY_TUPLE(RSEQ_KEY_START, "6b")
               SCHEME_BEGIN
               "movq (%%r8), %%rax\n\t"
               "addq %[addend], %%rax\n\t"
               SCHEME_FINISH
               SCHEME_COMMIT
               RSEQ_KEY_TUPLE(RSEQ_KEY_FINISH, "2f")
               SCHEME_END
               :
               : [slots] "r"(slots), [addend] "er"(addend) SLOT_ADD_KEY
               : SCHEME_CLOBBERS
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

/* The node's first word becomes the value, and the value the node's address. */
SCHEME_OPERATION slot_push(struct slot *slots, uint64_t *node) {
  __asm__ goto(SCHEME_BEGIN
               "movq (%%r8), %%rax\n\t"
               "movq %%rax, (%[node])\n\t"
               "movq %[node], %%rax\n\t"
               SCHEME_FINISH
               SCHEME_COMMIT
               SCHEME_END
               :
               : [slots] "r"(slots), [node] "r"(node)
               : SCHEME_CLOBBERS
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

/* *first = value, and the value becomes the first word of that node; nothing if it is 0. */
SCHEME_OPERATION slot_pop(struct slot *slots, uint64_t *first) {
  __asm__ goto(SCHEME_BEGIN
               "movq (%%r8), %%rax\n\t"
               "testq %%rax, %%rax\n\t"
               "je %l[empty]\n\t"
               "movq %%rax, (%[first])\n\t"
               "movq (%%rax), %%rax\n\t"
               SCHEME_FINISH
               SCHEME_COMMIT
               SCHEME_END
               :
               : [slots] "r"(slots), [first] "r"(first)
               : SCHEME_CLOBBERS
               : aborted, empty);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
empty:
  scheme_leave();
  return RSEQ_EMPTY;
}

/* value += the sum of `words` words (at least one): four instructions a word. */
SCHEME_OPERATION slot_add_sum(struct slot *slots, const uint64_t *values, uint64_t words) {
  __asm__ goto(SCHEME_BEGIN
               "xorl %%ecx, %%ecx\n\t"
               "movq (%%r8), %%rax\n"
               "5:\n\t"
               "addq (%[values],%%rcx,8), %%rax\n\t"
               "addq $1, %%rcx\n\t"
               "cmpq %[words], %%rcx\n\t"
               "jb 5b\n\t"
               SCHEME_FINISH
               SCHEME_COMMIT
               SCHEME_END
               :
               : [slots] "r"(slots), [values] "r"(values), [words] "er"(words)
               : SCHEME_CLOBBERS
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

#endif
#endif
