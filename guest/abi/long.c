/*
 * A long section under any scheme: TASKS threads each, COUNT times, add the sum of a table to an
 * object, in one section of about 400 instructions. Tasks with an even number share one object, those
 * with an odd number another, so that two tasks are independent of each other. Holds when both objects
 * add up over the CPUs.
 */
#include "arguments.h"
#include "output.h"
#include "thread.h"

#include "abi/operations.h"

enum {
  WORDS = 96,
  OBJECTS = 2,
};

static struct slot objects[OBJECTS][SLOTS];
static uint64_t table[WORDS];
static uint32_t rounds;

static void add_sums(struct thread *self) {
  struct slot *object = objects[self->index % OBJECTS];
  for (uint32_t done = 0; done < rounds; done++) {
    while (slot_add_sum(object, table, WORDS) != RSEQ_COMMITTED) {
    }
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 6, .count = 8};
  struct arguments arguments = parse_arguments(argc, argv, "long", defaults);
  uint64_t sum = 0;
  for (uint32_t word = 0; word < WORDS; word++) {
    table[word] = word + 1;
    sum += word + 1;
  }
  threads_init();
  rounds = arguments.count;
  run_tasks(arguments.tasks, add_sums);

  for (uint32_t object = 0; object < OBJECTS; object++) {
    uint64_t total = 0;
    for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
      total += objects[object][cpu].value;
    }
    uint64_t adders = (arguments.tasks + OBJECTS - 1 - object) / OBJECTS;
    if (total != adders * arguments.count * sum) {
      fail(EXIT_CHECK_FAILED, "long: object %u is %lu, expected %lu\n", object, total,
           adders * arguments.count * sum);
    }
  }
  print(STDOUT, "long: %u tasks x %u sums of %u words ok\n", arguments.tasks, arguments.count,
        (uint32_t)WORDS);
  return EXIT_OK;
}
