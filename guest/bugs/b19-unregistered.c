/*
 * ydb PR 6999, ClickHouse silk: a thread pops before it has registered its area. cpu_id_start is 0,
 * cpu_id is
 * -1, the comparison never holds, and the thread tries again for ever. Built with a registration of
 * its own.
 */
#include "bug.h"

static struct slot slots[SLOTS];

/* What thread_start calls: only readies the area, as glibc's tunable rseq=0 leaves it. */
void rseq_register(struct rseq_area *area) {
  area->cpu_id = UINT32_MAX;
}

static void register_now(struct rseq_area *area) {
  long result = syscall4(SYS_RSEQ, (long)area, sizeof *area, 0, RSEQ_SIGNATURE);
  if (result != 0) {
    fail(EXIT_UNABLE, "rseq: errno %ld\n", -result);
  }
}

TASK work(struct thread *self) {
#ifdef FIXED
  register_now(&self->rseq);
#endif
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 FAULTY
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax"
                 : aborted);
    break;
  aborted:;
  }
#ifndef FIXED
  register_now(&self->rseq);
#endif
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b19-unregistered", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
