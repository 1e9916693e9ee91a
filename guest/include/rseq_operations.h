/*
 * The restartable operations of the guests, after the common ones of librseq. Each is one section;
 * all that comes before its last store goes where nobody else looks until that store commits it.
 */
#ifndef GUEST_RSEQ_OPERATIONS_H
#define GUEST_RSEQ_OPERATIONS_H

#include <stdint.h>

#include "rseq_section.h"

/* Inlined into each user, as librseq's are, so that one operation makes several sections. */
#define RSEQ_OPERATION static inline __attribute__((always_inline)) enum rseq_outcome

/* *value += addend, by load, add and store. */
RSEQ_OPERATION rseq_add(uint64_t *value, uint64_t addend, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               "movq (%[value]), %%rax\n\t"
               "addq %[addend], %%rax\n\t"
               "movq %%rax, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [addend] "er"(addend)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

/* If *value == expected then *value = desired. */
RSEQ_OPERATION rseq_compare_store(uint64_t *value, uint64_t expected, uint64_t desired,
                                  uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpq %[expected], (%[value])\n\t"
               "jne %l[unequal]\n\t"
               "movq %[desired], (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [expected] "er"(expected),
                 [desired] "er"(desired)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

/*
 * Takes the first node off a list: if *head is not 0 then *first = *head and *head = the word at
 * `next_offset` bytes into that node. `first` is private to the caller.
 */
RSEQ_OPERATION rseq_load_next(uint64_t *head, long next_offset, uint64_t *first, uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "movq (%[head]), %%rax\n\t"
               "testq %%rax, %%rax\n\t"
               "je %l[unequal]\n\t"
               "movq %%rax, (%[first])\n\t"
               "addq %[next_offset], %%rax\n\t"
               "movq (%%rax), %%rax\n\t"
               "movq %%rax, (%[head])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [head] "r"(head), [next_offset] "er"(next_offset),
                 [first] "r"(first)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

/* If *value == expected then *slot = content, which an abort may leave, and *value = desired. */
RSEQ_OPERATION rseq_compare_prepare_store(uint64_t *value, uint64_t expected, uint64_t *slot,
                                          uint64_t content, uint64_t desired, uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpq %[expected], (%[value])\n\t"
               "jne %l[unequal]\n\t"
               "movq %[content], (%[slot])\n\t"
               "movq %[desired], (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [expected] "er"(expected), [slot] "r"(slot),
                 [content] "er"(content), [desired] "er"(desired)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

/* If *value == expected and *other == other_expected then *value = desired. */
RSEQ_OPERATION rseq_compare_both_store(uint64_t *value, uint64_t expected, uint64_t *other,
                                       uint64_t other_expected, uint64_t desired, uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpq %[expected], (%[value])\n\t"
               "jne %l[unequal]\n\t"
               "cmpq %[other_expected], (%[other])\n\t"
               "jne %l[unequal]\n\t"
               "movq %[desired], (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [expected] "er"(expected), [other] "r"(other),
                 [other_expected] "er"(other_expected), [desired] "er"(desired)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

/*
 * If *value == expected then `words` words (at least one) are copied and *value = desired. The
 * destination is private or beyond what *value makes visible; an abort may leave it half written.
 */
RSEQ_OPERATION rseq_compare_copy_store(uint64_t *value, uint64_t expected, uint64_t *destination,
                                       const uint64_t *source, uint64_t words, uint64_t desired,
                                       uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpq %[expected], (%[value])\n\t"
               "jne %l[unequal]\n\t"
               "xorl %%eax, %%eax\n"
               "5:\n\t"
               "movq (%[source],%%rax,8), %%rcx\n\t"
               "movq %%rcx, (%[destination],%%rax,8)\n\t"
               "addq $1, %%rax\n\t"
               "cmpq %[words], %%rax\n\t"
               "jb 5b\n\t"
               "movq %[desired], (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [expected] "er"(expected),
                 [destination] "r"(destination), [source] "r"(source), [words] "er"(words),
                 [desired] "er"(desired)
               : "memory", "cc", "rax", "rcx"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

#endif
