/*
 * The first thread sets a counter to 0 that another thread counted up in sections, once, long after, and
 * without anything that says so. Put right: by what FIXED names: 1 an rseq membarrier before, 2 a flag
 * that the other thread stores when it is through, 3 a mutex around, 4 the thread is joined.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_MEMBARRIER = 324,
  FENCE = 1 << 7,
  REGISTER_FENCE = 1 << 8,
  ROUNDS = 50,
  PATIENCE = 3000,
};

#ifndef FIXED
#define FIXED 0
#endif

static struct {
  uint64_t value;
} counters[PERCPU_SLOTS] __attribute__((aligned(CACHE_LINE_BYTES)));
static volatile uint32_t through;
static volatile uint32_t lock;

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    do {
      uint32_t cpu = percpu_index();
      outcome = rseq_add(&counters[cpu].value, 1, cpu);
    } while (outcome != RSEQ_COMMITTED);
  }
  if (FIXED == 2) {
    through = 1;
  }
  if (FIXED == 3) {
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0) {
    }
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
  }
  for (uint32_t i = 0; i < 2 * PATIENCE; i++) {
    __asm__ volatile("");
  }
}

int main(void) {
  threads_init();
  syscall3(SYS_MEMBARRIER, REGISTER_FENCE, 0, 0);
  struct thread *thread = thread_start(count_up, 0);
  for (uint32_t i = 0; i < PATIENCE; i++) {
    __asm__ volatile("");
  }
  if (FIXED == 1) {
    syscall3(SYS_MEMBARRIER, FENCE, 0, 0);
  }
  if (FIXED == 2) {
    while (through == 0) {
    }
  }
  if (FIXED == 3) {
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0) {
    }
  }
  if (FIXED == 4) {
    thread_join(thread);
  }
  for (uint32_t cpu = 0; cpu < 4; cpu++) {
    __atomic_store_n(&counters[cpu].value, 0, __ATOMIC_RELAXED);
  }
  if (FIXED == 3) {
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
  }
  if (FIXED != 4) {
    thread_join(thread);
  }
  return EXIT_OK;
}
