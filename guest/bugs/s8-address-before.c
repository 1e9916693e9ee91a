/*
 * The address of the slot is computed from one reading of the CPU's number, and the section compares
 * another one: a thread migrated between the two works on the slot of the CPU it has left.
 */
#include "stamp.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 FAULTY
                 "movl " FS_CPU_ID_START ", %%ecx\n\t"
                 ARM
                 "1:\n\t"
                 IF_BUGGY("cmpl %%ecx, " FS_CPU_ID "\n\t")
                 IF_FIXED("cmpl %[cpu], " FS_CPU_ID "\n\t")
                 "jne 4f\n\t"
                 "movl " FS_CPU_ID ", %%eax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[stamp])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [stamp] "r"(&slots[cpu].stamp)
                 : "memory", "cc", "rax", "rcx"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect_own_stamps("s8-address-before", slots);
  return EXIT_OK;
}
