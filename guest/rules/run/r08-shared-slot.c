/*
 * Sections that compare the CPU rightly, but work on one slot for all CPUs: two of them on two CPUs
 * lose an update. Put right: each on the slot of its CPU.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

enum { TASKS = 2, ROUNDS = 400 };

struct counter {
  uint64_t value;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct counter counters[PERCPU_SLOTS];

static struct counter *counter_of(uint32_t cpu) {
#ifdef FIXED
  return &counters[cpu];
#else
  (void)cpu;
  return &counters[0];
#endif
}

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      uint32_t cpu = percpu_index();
      outcome = rseq_add(&counter_of(cpu)->value, 1, cpu);
    } while (outcome != RSEQ_COMMITTED);
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, count_up);
  return EXIT_OK;
}
