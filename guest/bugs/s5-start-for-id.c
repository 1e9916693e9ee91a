/*
 * The section compares cpu_id_start where it should compare cpu_id: for a thread that is not registered
 * the first says 0, the second -1, so that it never notices that nobody would abort it.
 */
#include "bug.h"

enum { RSEQ_FLAG_UNREGISTER = 1 };

static struct slot slots[SLOTS];

static void unregister(struct thread *self) {
  long result = syscall4(SYS_RSEQ, (long)&self->rseq, sizeof self->rseq, RSEQ_FLAG_UNREGISTER,
                         RSEQ_SIGNATURE);
  if (result != 0) {
    fail(EXIT_UNABLE, "rseq: errno %ld\n", -result);
  }
}

/* Without rseq a thread counts for itself. */
TASK work(struct thread *self) {
  if (self->index == 1) {
    unregister(self);
  }
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 FAULTY
                 "cmpl %[cpu], " IF_BUGGY(FS_CPU_ID_START) IF_FIXED(FS_CPU_ID) "\n\t"
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
  aborted:
    if (rseq_cpu_id() < 0) {
      self->result = 1;
      return;
    }
  }
}

int main(void) {
  threads_init();
  uint64_t alone = run_tasks(TASKS, work);
  expect("s5-start-for-id", sum_of_values(slots) + alone, TASKS);
  return EXIT_OK;
}
