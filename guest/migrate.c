/*
 * Affinity hops: TASKS threads each bind themselves, COUNT times, to one or two of the allowed
 * CPUs, check where they are and add to the counter of the CPU they run on. Holds when the CPU
 * number is always among those asked for and no update is lost.
 */
#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "memory.h"
#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum {
  INCREMENTS_PER_HOP = 4,
  /* Room for the masks of kernels with up to 8192 CPUs, which refuse a shorter one. */
  KERNEL_MASK_WORDS = 128,
  HOP_MASK_WORDS = PERCPU_SLOTS / 64,
};

struct counter {
  uint64_t value;
} __attribute__((aligned(CACHE_LINE_BYTES)));

/* Two CPUs of a hop, often the same one twice. */
struct hop {
  uint32_t first;
  uint32_t second;
};

static struct counter counters[PERCPU_SLOTS];
static uint32_t allowed[PERCPU_SLOTS];
static uint32_t allowed_count;
static uint32_t hops;

static void find_allowed(void) {
  uint64_t mask[KERNEL_MASK_WORDS];
  memset(mask, 0, sizeof mask);
  long result = syscall3(SYS_SCHED_GETAFFINITY, 0, sizeof mask, (long)mask);
  if (result < 0) {
    fail(EXIT_UNABLE, "sched_getaffinity: errno %ld\n", -result);
  }
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    if (mask[cpu / 64] >> (cpu % 64) & 1) {
      allowed[allowed_count++] = cpu;
    }
  }
  if (allowed_count == 0) {
    fail(EXIT_UNABLE, "none of the CPUs 0-%u is allowed\n", PERCPU_SLOTS - 1);
  }
}

/*
 * Every second hop leaves two CPUs to choose from, so that the scheduler may move the thread too.
 */
static struct hop choose_hop(uint32_t task, uint32_t number) {
  uint32_t at = task + number;
  struct hop hop = {.first = allowed[at % allowed_count],
                    .second = allowed[(at + number % 2) % allowed_count]};
  return hop;
}

static bool within(struct hop hop, uint32_t cpu) {
  return cpu == hop.first || cpu == hop.second;
}

static void bind(struct hop hop) {
  uint64_t mask[HOP_MASK_WORDS] = {0};
  mask[hop.first / 64] |= (uint64_t)1 << (hop.first % 64);
  mask[hop.second / 64] |= (uint64_t)1 << (hop.second % 64);
  long result = syscall3(SYS_SCHED_SETAFFINITY, 0, sizeof mask, (long)mask);
  if (result != 0) {
    fail(EXIT_UNABLE, "sched_setaffinity: errno %ld\n", -result);
  }
}

static void check_place(uint32_t task, struct hop hop) {
  uint32_t cpu = UINT32_MAX;
  syscall3(SYS_GETCPU, (long)&cpu, 0, 0);
  if (!within(hop, cpu)) {
    fail(EXIT_CHECK_FAILED, "migrate: task %u: getcpu says %u, bound to %u and %u\n", task, cpu,
         hop.first, hop.second);
  }
  int32_t cpu_id = rseq_cpu_id();
  if (!within(hop, (uint32_t)cpu_id)) {
    fail(EXIT_CHECK_FAILED, "migrate: task %u: cpu_id is %ld, bound to %u and %u\n", task,
         (long)cpu_id, hop.first, hop.second);
  }
}

static void increment(uint32_t task, struct hop hop) {
  enum rseq_outcome outcome;
  uint32_t cpu;
  do {
    cpu = percpu_index();
    outcome = rseq_add(&counters[cpu].value, 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  if (!within(hop, cpu)) {
    fail(EXIT_CHECK_FAILED, "migrate: task %u: committed on CPU %u, bound to %u and %u\n", task,
         cpu, hop.first, hop.second);
  }
}

static void wander(struct thread *self) {
  for (uint32_t number = 0; number < hops; number++) {
    struct hop hop = choose_hop(self->index, number);
    bind(hop);
    check_place(self->index, hop);
    for (uint32_t done = 0; done < INCREMENTS_PER_HOP; done++) {
      increment(self->index, hop);
    }
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 50};
  struct arguments arguments = parse_arguments(argc, argv, "migrate", defaults);
  threads_init();
  find_allowed();
  hops = arguments.count;
  run_tasks(arguments.tasks, wander);

  uint64_t total = 0;
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    total += counters[cpu].value;
  }
  uint64_t expected = (uint64_t)arguments.tasks * arguments.count * INCREMENTS_PER_HOP;
  if (total != expected) {
    fail(EXIT_CHECK_FAILED, "migrate: total is %lu, expected %lu\n", total, expected);
  }
  print(STDOUT, "migrate: %u tasks x %u hops x %u = %lu ok\n", arguments.tasks, arguments.count,
        INCREMENTS_PER_HOP, total);
  return EXIT_OK;
}
