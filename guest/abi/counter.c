/*
 * Per-CPU counters under any scheme: TASKS threads each add 1, COUNT times, to the counter of the CPU
 * they run on. Holds when the counters add up to TASKS x COUNT.
 */
#include "arguments.h"
#include "output.h"
#include "thread.h"

#include "abi/operations.h"

static struct slot counters[SLOTS];
static uint32_t increments;

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < increments; done++) {
    while (slot_add(counters, 1) != RSEQ_COMMITTED) {
    }
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 50};
  struct arguments arguments = parse_arguments(argc, argv, "counter", defaults);
  threads_init();
  increments = arguments.count;
  run_tasks(arguments.tasks, count_up);

  uint64_t total = 0;
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    total += counters[cpu].value;
  }
  uint64_t expected = (uint64_t)arguments.tasks * arguments.count;
  if (total != expected) {
    fail(EXIT_CHECK_FAILED, "counter: total is %lu, expected %lu\n", total, expected);
  }
  print(STDOUT, "counter: %u tasks x %u = %lu ok\n", arguments.tasks, arguments.count, total);
  return EXIT_OK;
}
