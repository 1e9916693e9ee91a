/*
 * Post-commit address one instruction early: the committing store is outside the section, so a thread
 * preempted just before it is not aborted, and stores what it counted before the other thread ran.
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
                 "addq $1, %%rax\n"
                 "5:\n\t"
                 FAULTY
                 "movq %%rax, (%[value])\n"
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
  expect("s1-end-early", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
