/*
 * Per-CPU counters that the first thread sets to 0 while others count in their sections. Put right: it
 * does so when they have gone.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

enum { TASKS = 2, ROUNDS = 300, RESETS = 300 };

struct counter {
  uint64_t value;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct counter counters[PERCPU_SLOTS];

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      uint32_t cpu = percpu_index();
      outcome = rseq_add(&counters[cpu].value, 1, cpu);
    } while (outcome != RSEQ_COMMITTED);
  }
}

static void reset(void) {
  for (uint32_t done = 0; done < RESETS; done++) {
    __atomic_store_n(&counters[0].value, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&counters[1].value, 0, __ATOMIC_RELAXED);
  }
}

int main(void) {
  threads_init();
  struct thread *threads[TASKS];
  for (uint32_t index = 0; index < TASKS; index++) {
    threads[index] = thread_start(count_up, index);
  }
#ifndef FIXED
  reset();
#endif
  for (uint32_t index = 0; index < TASKS; index++) {
    thread_join(threads[index]);
  }
#ifdef FIXED
  reset();
#endif
  return EXIT_OK;
}
