/*
 * Kernel selftests, deref_addv of riscv: the last addition takes another register than the operand
 * that was meant. No interruption is needed.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    uint64_t *pointer = &slots[cpu].value;
    __asm__ goto("movl $1, %%edx\n\t"
                 SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[pointer]), %%rcx\n\t"
                 FAULTY
                 IF_BUGGY("addq %%rcx, (%%rcx)\n")
                 IF_FIXED("addq %%rdx, (%%rcx)\n")
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [pointer] "r"(&pointer)
                 : "memory", "cc", "rax", "rcx", "rdx"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b16-wrong-operand", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
