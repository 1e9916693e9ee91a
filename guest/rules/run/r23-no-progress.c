/*
 * A section longer than the time between two interruptions, where slices do not grow. Put right: a
 * short one.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

enum { TASKS = 2 };

#ifdef FIXED
#define STEPS 2
#else
#define STEPS 500
#endif

static uint64_t slots[PERCPU_SLOTS];

static enum rseq_outcome add(uint64_t *value, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               "movl $" RSEQ_TEXT(STEPS) ", %%eax\n"
               "5:\n\t"
               "subl $1, %%eax\n\t"
               "jnz 5b\n\t"
               "addq $1, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

static void count_up(struct thread *self) {
  (void)self;
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = add(&slots[cpu], cpu);
  } while (outcome != RSEQ_COMMITTED);
}

int main(void) {
  threads_init();
  run_tasks(TASKS, count_up);
  return EXIT_OK;
}
