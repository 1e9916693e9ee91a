/*
 * Threads bound to different CPUs, one after the other, add to one slot in sections: nothing but chance
 * keeps them apart. Put right: the second starts when the first has gone.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum { ROUNDS = 20, PATIENCE = 4000 };

static uint64_t slot __attribute__((aligned(CACHE_LINE_BYTES)));

static void add_alone(struct thread *self) {
  uint64_t mask[4] = {(uint64_t)1 << self->index, 0, 0, 0};
  syscall3(SYS_SCHED_SETAFFINITY, 0, sizeof mask, (long)mask);
  for (uint32_t i = 0; i < self->index * PATIENCE; i++) {
    __asm__ volatile("");
  }
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      outcome = rseq_add(&slot, 1, percpu_index());
    } while (outcome != RSEQ_COMMITTED);
  }
  for (uint32_t i = 0; i < 2 * PATIENCE; i++) {
    __asm__ volatile("");
  }
}

int main(void) {
  threads_init();
  struct thread *first = thread_start(add_alone, 0);
#ifdef FIXED
  thread_join(first);
#endif
  struct thread *second = thread_start(add_alone, 1);
#ifndef FIXED
  thread_join(first);
#endif
  thread_join(second);
  return EXIT_OK;
}
