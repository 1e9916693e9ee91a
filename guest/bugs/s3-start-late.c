/*
 * start_ip one instruction late: a thread interrupted between the store to rseq_cs and start_ip is
 * outside the section, the kernel clears rseq_cs, and the section runs bare. A second interruption
 * in it loses an update.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(DESCRIPTOR(IF_BUGGY("5f") IF_FIXED("1f"),
                            IF_BUGGY("2f - 5f") IF_FIXED("2f - 1f"), "4f")
                 ARM
                 "1:\n\t"
                 FAULTY
                 "cmpl %[cpu], " FS_CPU_ID "\n"
                 "5:\n\t"
                 "jne 4f\n\t"
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
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
  expect("s3-start-late", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
