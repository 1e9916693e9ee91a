/*
 * tcmalloc 13f8d075, GCC PR101428: whether the section got through is told by a flag (carry: it did
 * not), and an instruction of the abort handler between setting and reading it changes the flag. An
 * aborted operation counts as done.
 */
#include "bug.h"

static struct slot slots[SLOTS];
static uint64_t aborts;

TASK work(struct thread *self) {
  (void)self;
  uint8_t failed;
  do {
    uint32_t cpu = here();
    __asm__ volatile(SECTION
                     ARM
                     "1:\n\t"
                     COMPARE_CPU
                     "movq (%[value]), %%rax\n\t"
                     "addq $1, %%rax\n\t"
                     "movq %%rax, (%[value])\n"
                     "2:\n\t"
                     "clc\n"
                     "5:\n\t"
                     "setc %[failed]\n\t"
                     ABORT(IF_BUGGY("stc\n\t")
                           FAULTY
                           "addq $1, %[aborts]\n\t"
                           IF_FIXED("stc\n\t")
                           "jmp 5b")
                     : [failed] "=r"(failed), [aborts] "+m"(aborts)
                     : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                     : "memory", "cc", "rax");
  } while (failed);
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b14-flags", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
