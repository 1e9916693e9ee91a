/*
 * Two committing stores: a thread interrupted between them is aborted with the first one done, tries
 * again and counts twice.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(DESCRIPTOR("1f", IF_BUGGY("5f - 1f") IF_FIXED("2f - 1f"), "4f")
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 FAULTY
                 "movq %%rax, %c[stamp](%[value])\n"
                 "5:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value),
                   [stamp] "i"(offsetof(struct slot, stamp))
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("s6-two-commits", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
