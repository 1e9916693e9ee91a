/*
 * Per-CPU spinlocks: TASKS threads each, COUNT times, take the lock of their CPU by a section, add
 * 1 to the plain counter it guards, and release it by a plain store, from whichever CPU they are on
 * by then. Holds when no two threads were inside one lock together and the counters add up to TASKS
 * x COUNT.
 */
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum { LOCK_FREE = 0, LOCK_TAKEN = 1 };

struct guarded {
  uint64_t lock;
  /* Volatile only to keep load and store apart, as they are in any real critical region. */
  volatile uint64_t count;
  volatile uint64_t owner;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct guarded slots[PERCPU_SLOTS];
static uint32_t rounds;

/* Returns the slot whose lock it took. */
static struct guarded *lock(void) {
  for (;;) {
    uint32_t cpu = percpu_index();
    switch (rseq_compare_store(&slots[cpu].lock, LOCK_FREE, LOCK_TAKEN, cpu)) {
    case RSEQ_COMMITTED:
      return &slots[cpu];
    case RSEQ_UNEQUAL:
      syscall0(SYS_SCHED_YIELD);
      break;
    case RSEQ_ABORTED:
      break;
    }
  }
}

static void unlock(struct guarded *slot) {
  __atomic_store_n(&slot->lock, LOCK_FREE, __ATOMIC_RELEASE);
}

static void count_up(struct thread *self) {
  for (uint32_t done = 0; done < rounds; done++) {
    struct guarded *slot = lock();
    slot->owner = self->index;
    slot->count = slot->count + 1;
    if (slot->owner != self->index) {
      fail(EXIT_CHECK_FAILED, "spinlock: tasks %u and %lu are inside one lock\n", self->index,
           slot->owner);
    }
    unlock(slot);
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 100};
  struct arguments arguments = parse_arguments(argc, argv, "spinlock", defaults);
  threads_init();
  rounds = arguments.count;
  run_tasks(arguments.tasks, count_up);

  uint64_t total = 0;
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    if (slots[cpu].lock != LOCK_FREE) {
      fail(EXIT_CHECK_FAILED, "spinlock: the lock of CPU %u was left taken\n", cpu);
    }
    total += slots[cpu].count;
  }
  uint64_t expected = (uint64_t)arguments.tasks * arguments.count;
  if (total != expected) {
    fail(EXIT_CHECK_FAILED, "spinlock: total is %lu, expected %lu\n", total, expected);
  }
  print(STDOUT, "spinlock: %u tasks x %u = %lu ok\n", arguments.tasks, arguments.count, total);
  return EXIT_OK;
}
