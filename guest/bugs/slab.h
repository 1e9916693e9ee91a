/*
 * The slab of tcmalloc, for one CPU: a stack of items between `begin` and `end` with `current`
 * items in it, counted from the start of the slab. One thread pops on the CPU it is on, a few times;
 * another one manages the slab meanwhile.
 */
#ifndef GUEST_SLAB_H
#define GUEST_SLAB_H

#include "fence.h"

enum { SLAB_ITEMS = 16, ITEM = 1, POPS = 6 };

struct slab {
  uint64_t current;
  uint64_t begin;
  uint64_t end;
  uint64_t items[SLAB_ITEMS];
};

enum popped { POPPED_ITEM = 1, POPPED_NOTHING = 2, POPPED_GARBAGE = 3 };

/* LOADS puts `current` into rax and `begin` into rcx; the item goes to `result`. */
#define POP(loads)                                                                                 \
  static __attribute__((noinline, noclone, noipa)) enum popped pop(struct slab *slab,              \
                                                                   struct thread *self) {          \
    for (;;) {                                                                                     \
      uint32_t cpu = here();                                                                       \
      __asm__ goto(SECTION                                                                         \
                   ARM                                                                             \
                   "1:\n\t"                                                                        \
                   COMPARE_CPU                                                                     \
                   loads                                                                           \
                   "cmpq %%rax, %%rcx\n\t"                                                         \
                   "jae %l[empty]\n\t"                                                             \
                   "subq $1, %%rax\n\t"                                                            \
                   "movq %c[items](%[slab],%%rax,8), %%rcx\n\t"                                    \
                   "movq %%rcx, (%[result])\n\t"                                                   \
                   "movq %%rax, %c[current](%[slab])\n"                                            \
                   "2:\n\t"                                                                        \
                   ABORT_TO_RETRY                                                                  \
                   :                                                                               \
                   : [cpu] "r"(cpu), [slab] "r"(slab), [result] "r"(&self->result),                \
                     [items] "i"(offsetof(struct slab, items)),                                    \
                     [current] "i"(offsetof(struct slab, current)),                                \
                     [begin] "i"(offsetof(struct slab, begin))                                     \
                   : "memory", "cc", "rax", "rcx"                                                  \
                   : aborted, empty);                                                              \
      return self->result != 0 ? POPPED_ITEM : POPPED_GARBAGE;                                     \
    aborted:;                                                                                      \
    }                                                                                              \
  empty:                                                                                           \
    return POPPED_NOTHING;                                                                         \
  }

/* Pops some items; how many of them were garbage is the thread's result. */
#define POP_ROUNDS(slab, self)                                                                     \
  do {                                                                                             \
    uint64_t garbage = 0;                                                                          \
    for (uint32_t round = 0; round < POPS; round++) {                                              \
      garbage += pop(slab, self) == POPPED_GARBAGE;                                                \
      do_other_work(OTHER_WORK_SHORT);                                                             \
    }                                                                                              \
    (self)->result = garbage;                                                                      \
  } while (0)

#define LOAD_CURRENT "movq %c[current](%[slab]), %%rax\n\t"
#define LOAD_BEGIN "movq %c[begin](%[slab]), %%rcx\n\t"

#endif
