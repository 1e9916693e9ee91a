/*
 * The abort handler goes back to start_ip, behind the store to rseq_cs that the kernel has undone: the
 * retry runs bare, and a second interruption in it loses an update.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 "5:\n\t"
                 ARM
                 "1:\n\t"
                 "cmpl %[cpu], " FS_CPU_ID "\n\t"
                 "jne %l[elsewhere]\n\t"
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ABORT(FAULTY IF_BUGGY("jmp 1b") IF_FIXED("jmp 5b"))
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax"
                 : elsewhere);
    return;
  elsewhere:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("s4-no-rearm", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
