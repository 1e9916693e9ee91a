/*
 * A child of fork sets its own copy of a counter to 0, while a thread of its parent counts on in
 * sections at the same address of another memory: that is right.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum { SYS_FORK = 57, SYS_WAIT4 = 61, ROUNDS = 60, PATIENCE = 300 };

static struct {
  uint64_t value;
} counters[PERCPU_SLOTS] __attribute__((aligned(CACHE_LINE_BYTES)));

static void wait(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) {
    __asm__ volatile("");
  }
}

static void count(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      uint32_t cpu = percpu_index();
      outcome = rseq_add(&counters[cpu].value, 1, cpu);
    } while (outcome != RSEQ_COMMITTED);
    wait(PATIENCE / 10);
  }
}

static void reset(void) {
  for (uint32_t cpu = 0; cpu < 4; cpu++) {
    __atomic_store_n(&counters[cpu].value, 0, __ATOMIC_RELAXED);
  }
}

int main(void) {
  threads_init();
  struct thread *thread = thread_start(count, 0);
  wait(PATIENCE);
  long child = syscall0(SYS_FORK);
  if (child == 0) {
    wait(PATIENCE);
    reset();
    syscall1(SYS_EXIT_GROUP, EXIT_OK);
  }
  if (child < 0) {
    fail(EXIT_UNABLE, "fork: errno %ld\n", -child);
  }
  syscall4(SYS_WAIT4, child, 0, 0, 0);
  thread_join(thread);
  return EXIT_OK;
}
