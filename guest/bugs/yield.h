/*
 * A counter whose thread yields the CPU, by a system call in its section or before it.
 */
#ifndef GUEST_YIELD_H
#define GUEST_YIELD_H

#include "bug.h"

#define YIELD "movl $24, %%eax\n\t" FAULTY "syscall\n\t"
_Static_assert(SYS_SCHED_YIELD == 24, "the number above");

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 IF_FIXED(YIELD)
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[value]), %%rdx\n\t"
                 IF_BUGGY(YIELD)
                 "addq $1, %%rdx\n\t"
                 "movq %%rdx, (%[value])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax", "rdx", "rcx", "r11"
                 : aborted);
    return;
  aborted:;
  }
}

#endif
