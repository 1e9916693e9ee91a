/*
 * A counter of one thread, which another one takes over from afar while the owner is at work. It first
 * raises a flag that the section looks at: from then on the owner counts for itself.
 */
#ifndef GUEST_DRAIN_H
#define GUEST_DRAIN_H

#include "fence.h"

enum { ROUNDS = 6 };

static struct slot slot;
static uint64_t stopped;

static void count_up(struct thread *self) {
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "cmpq $0, %[stopped]\n\t"
                 "jne %l[alone]\n\t"
                 "movq %[value], %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, %[value]\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "m"(slot.value), [stopped] "m"(stopped)
                 : "memory", "cc", "rax"
                 : aborted, alone);
    return;
  aborted:;
  }
alone:
  self->result++;
}

static void count_rounds(struct thread *self) {
  for (uint32_t round = 0; round < ROUNDS; round++) {
    count_up(self);
    do_other_work(OTHER_WORK_SHORT);
  }
}

/*
 * Takes over what is counted, by one instruction, and leaves in its place what is in `word`. That is
 * made ready first: nothing then stands between this instruction and what is before it in the source.
 */
#define READY_NOTHING(word)                                                                        \
  uint64_t word = 0;                                                                               \
  __asm__ volatile("" : "+r"(word))
#define TAKE_OVER(word)                                                                            \
  __asm__ volatile(FAULTY "xchgq %[taken], %[value]"                                               \
                   : [taken] "+r"(word), [value] "+m"(slot.value)                                  \
                   :                                                                               \
                   : "memory")

#endif
