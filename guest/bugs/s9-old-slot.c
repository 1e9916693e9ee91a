/*
 * The retry reads the CPU's number again but keeps the address of the slot: after a migration it commits
 * to the slot of the CPU it has left.
 */
#include "stamp.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  uint32_t cpu = here();
  uint64_t *stamp = &slots[cpu].stamp;
  for (;;) {
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movl " FS_CPU_ID ", %%eax\n\t"
                 "addq $1, %%rax\n\t"
                 FAULTY
                 "movq %%rax, (%[stamp])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [stamp] "r"(stamp)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:
    cpu = here();
#ifdef FIXED
    stamp = &slots[cpu].stamp;
#endif
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect_own_stamps("s9-old-slot", slots);
  return EXIT_OK;
}
