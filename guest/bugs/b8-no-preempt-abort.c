/*
 * Linux 6.19 on arm64, in development: being preempted by another thread of the same CPU did not abort a
 * section. The counter is correct and loses an update all the same; one whose section adds in a single
 * instruction does not.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 IF_BUGGY("movq (%[value]), %%rax\n\t"
                          "addq $1, %%rax\n\t")
                 FAULTY
                 IF_BUGGY("movq %%rax, (%[value])\n")
                 IF_FIXED("addq $1, (%[value])\n")
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b8-no-preempt-abort", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
