/*
 * The abort handler lies inside the section that it belongs to: kernels up to 6.18 kill whoever is
 * interrupted with the section armed.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(DESCRIPTOR("1f", "2f - 1f", "4f")
                 IF_BUGGY(ARM "1:\n\t")
                 "jmp 5f\n\t"
                 SIGNATURE
                 "4:\n\t"
                 FAULTY
                 "jmp %l[aborted]\n"
                 "5:\n\t"
                 IF_FIXED(ARM "1:\n\t")
                 "cmpl %[cpu], " FS_CPU_ID "\n\t"
                 "jne 4b\n\t"
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
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
  expect("s10-abort-inside", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
