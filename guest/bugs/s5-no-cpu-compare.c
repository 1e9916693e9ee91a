/*
 * The section does not compare the CPU: a thread migrated between reading its number and start_ip works
 * on the slot of the CPU it has left.
 */
#include "stamp.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 IF_FIXED(COMPARE_CPU)
                 FAULTY
                 "movl " FS_CPU_ID ", %%eax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[stamp])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [stamp] "r"(&slots[cpu].stamp)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect_own_stamps("s5-no-cpu-compare", slots);
  return EXIT_OK;
}
