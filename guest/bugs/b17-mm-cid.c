/*
 * librseq 40797ae, 8bfe3ec: slots are indexed by mm_cid, and what guards them is about CPUs: the section
 * compares cpu_id. A thread migrated between the two readings works on a slot that another thread
 * may have.
 */
#include "stamp.h"

static struct slot slots[SLOTS];

static inline uint32_t concurrency_id(void) {
  uint32_t id;
  __asm__ volatile("movl " FS_MM_CID ", %[id]" : [id] "=r"(id));
  return slot_number(id);
}

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t id = concurrency_id();
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 FAULTY
                 IF_BUGGY("cmpl %[cpu], " FS_CPU_ID "\n\t")
                 IF_FIXED("cmpl %[id], " FS_MM_CID "\n\t")
                 "jne 4f\n\t"
                 "movl " FS_MM_CID ", %%eax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[stamp])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [id] "r"(id), [stamp] "r"(&slots[id].stamp)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect_own_stamps("b17-mm-cid", slots);
  return EXIT_OK;
}
