/*
 * The first thread sets a counter to 0 that another thread counted up in sections, once, long after, and
 * without anything that says so. Put right: by what FIXED names: 1 a flag that the sections look at, and
 * an rseq membarrier once it is raised, 2 a flag that the other thread stores when it is through, 3 a
 * mutex around each count, 4 the thread is joined, 5 both may run on one CPU only, where each preemption
 * aborts a section.
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
static uint64_t closed;
static volatile uint32_t mutex;

static void lock(void) {
  while (__atomic_exchange_n(&mutex, 1, __ATOMIC_ACQUIRE) != 0) {
  }
}

static void unlock(void) { __atomic_store_n(&mutex, 0, __ATOMIC_RELEASE); }

/* *value += 1, unless *stop is set. */
RSEQ_OPERATION add_unless(uint64_t *stop, uint64_t *value, uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpq $0, %[stop]\n\t"
               "jne %l[unequal]\n\t"
               "movq (%[value]), %%rax\n\t"
               "addq $1, %%rax\n\t"
               "movq %%rax, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [stop] "m"(*stop)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

static void pin(void) {
  uint64_t mask[16] = {1};
  long result = syscall3(SYS_SCHED_SETAFFINITY, 0, sizeof mask, (long)mask);
  if (result != 0) {
    fail(EXIT_UNABLE, "sched_setaffinity: errno %ld\n", -result);
  }
}

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    enum rseq_outcome outcome;
    if (FIXED == 3) {
      lock();
    }
    do {
      uint32_t cpu = percpu_index();
      outcome = add_unless(&closed, &counters[cpu].value, cpu);
    } while (outcome == RSEQ_ABORTED);
    if (FIXED == 3) {
      unlock();
    }
    if (outcome == RSEQ_UNEQUAL) {
      return;
    }
  }
  if (FIXED == 2) {
    through = 1;
  }
  for (uint32_t i = 0; i < 2 * PATIENCE; i++) {
    __asm__ volatile("");
  }
}

int main(void) {
  threads_init();
  syscall3(SYS_MEMBARRIER, REGISTER_FENCE, 0, 0);
  if (FIXED == 5) {
    pin();
  }
  struct thread *thread = thread_start(count_up, 0);
  for (uint32_t i = 0; i < PATIENCE; i++) {
    __asm__ volatile("");
  }
  if (FIXED == 1) {
    __atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
    syscall3(SYS_MEMBARRIER, FENCE, 0, 0);
  }
  if (FIXED == 2) {
    while (through == 0) {
    }
  }
  if (FIXED == 3) {
    lock();
  }
  if (FIXED == 4) {
    thread_join(thread);
  }
  for (uint32_t cpu = 0; cpu < 4; cpu++) {
    __atomic_store_n(&counters[cpu].value, 0, __ATOMIC_RELAXED);
  }
  if (FIXED == 3) {
    unlock();
  }
  if (FIXED != 4) {
    thread_join(thread);
  }
  return EXIT_OK;
}
