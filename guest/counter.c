/*
 * Per-CPU counters: TASKS threads each add 1, COUNT times, to the counter of the CPU they run on.
 * Holds when no update is lost: the counters add up to TASKS x COUNT.
 */
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

struct counter {
  uint64_t value;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct counter counters[PERCPU_SLOTS];
static uint32_t increments;

static void increment(void) {
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = rseq_add(&counters[cpu].value, 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
}

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < increments; done++) {
    increment();
  }
}

static uint64_t sum_counters(void) {
  uint64_t sum = 0;
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    sum += counters[cpu].value;
  }
  return sum;
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 4, .count = 200};
  struct arguments arguments = parse_arguments(argc, argv, "counter", defaults);
  threads_init();
  increments = arguments.count;
  run_tasks(arguments.tasks, count_up);

  uint64_t total = sum_counters();
  uint64_t expected = (uint64_t)arguments.tasks * arguments.count;
  if (total != expected) {
    fail(EXIT_CHECK_FAILED, "counter: total is %lu, expected %lu\n", total, expected);
  }
  print(STDOUT, "counter: %u tasks x %u = %lu ok\n", arguments.tasks, arguments.count, total);
  return EXIT_OK;
}
