/*
 * A section that counts its work before it commits it: an abort in between leaves it counted, and the
 * next try counts it again. Put right: the tries are not counted.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

enum { TASKS = 4, ROUNDS = 300 };

struct slot {
  uint64_t value;
  uint64_t count;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct slot slots[PERCPU_SLOTS];

#ifdef FIXED
#define COUNT_EARLY ""
#else
#define COUNT_EARLY "addq $1, 8(%[slot])\n\t"
#endif

static enum rseq_outcome add(struct slot *slot, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               COUNT_EARLY
               "movq (%[slot]), %%rax\n\t"
               "addq $1, %%rax\n\t"
               "movq %%rax, (%[slot])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [slot] "r"(slot)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      uint32_t cpu = percpu_index();
      outcome = add(&slots[cpu], cpu);
    } while (outcome != RSEQ_COMMITTED);
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, count_up);
  return EXIT_OK;
}
