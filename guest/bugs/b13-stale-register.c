/*
 * GCC 103908, clang 52735, librseq 0fda052: on the edge from the abort handler the compiler takes
 * what the section loaded into a register for current. The retry is a section without the load.
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
                 "movq (%[value]), %%rcx\n\t"
                 "leaq 1(%%rcx), %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 "jmp %l[done]\n\t"
                 ABORT("jmp 7f")
                 "7:\n\t"
                 SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 FAULTY
                 IF_FIXED("movq (%[value]), %%rcx\n\t")
                 "leaq 1(%%rcx), %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 "jmp %l[done]\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax", "rcx"
                 : done, aborted);
  done:
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b13-stale-register", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
