/*
 * Relies on the rseq membarrier, as allocators do to take memory back: TASKS threads add 1, COUNT times,
 * to the counter of their CPU in the generation that `current` points to, which they read in the
 * section that commits. The first thread swaps two generations, again and again: it points `current` to
 * the clean one, interrupts every section by a fence, then empties the other one. Holds when nothing is
 * added to a generation after it was emptied, and no update is lost.
 */
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_MEMBARRIER = 324,
  PRIVATE_EXPEDITED_RSEQ = 128,
  REGISTER_PRIVATE_EXPEDITED_RSEQ = 256,
  CPUS = 64,
};

struct generation {
  uint64_t counters[CPUS];
};

static struct generation generations[2];
static struct generation *volatile current = &generations[0];
static uint32_t increments, tasks_done;

/* ++current->counters[cpu], on `cpu`. The pointer is at hand for a while, as long as work would take. */
static enum rseq_outcome add_one(uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               "movq (%[current]), %%rax\n\t"
               "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
               "addq $1, (%%rax,%[index],8)\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [current] "r"(&current), [index] "r"((uint64_t)cpu)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

static void count_up(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < increments;) {
    uint32_t cpu = rseq_cpu_start();
    if (cpu >= CPUS) {
      fail(EXIT_UNABLE, "CPU %u is beyond the %u slots; run under taskset -c 0-%u\n", cpu,
           (uint32_t)CPUS, (uint32_t)CPUS - 1);
    }
    done += add_one(cpu) == RSEQ_COMMITTED;
  }
  __atomic_fetch_add(&tasks_done, 1, __ATOMIC_SEQ_CST);
}

/* What is in a generation that nobody adds to; leaves it empty. */
static uint64_t take(struct generation *generation) {
  uint64_t sum = 0;
  for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
    sum += generation->counters[cpu];
    generation->counters[cpu] = 0;
  }
  return sum;
}

/* Takes the current generation, in place of which the other one is now, and must be empty. */
static uint64_t swap_generations(uint32_t round) {
  struct generation *old = current;
  struct generation *next = old == &generations[0] ? &generations[1] : &generations[0];
  uint64_t late = take(next);
  if (late != 0) {
    fail(EXIT_CHECK_FAILED, "fence: round %u, %lu were added after the fence\n", round, late);
  }
  current = next;
  long result = syscall3(SYS_MEMBARRIER, PRIVATE_EXPEDITED_RSEQ, 0, 0);
  if (result != 0) {
    fail(EXIT_CHECK_FAILED, "fence: membarrier says %ld\n", result);
  }
  return take(old);
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 3, .count = 200};
  struct arguments arguments = parse_arguments(argc, argv, "fence", defaults);
  threads_init();
  increments = arguments.count;
  if (syscall3(SYS_MEMBARRIER, REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0) != 0) {
    fail(EXIT_UNABLE, "fence: this kernel has no rseq membarrier\n");
  }
  struct thread *threads[TASKS_MAX];
  for (uint32_t i = 0; i < arguments.tasks; i++) {
    threads[i] = thread_start(count_up, i);
  }
  uint64_t total = 0;
  for (uint32_t round = 0; __atomic_load_n(&tasks_done, __ATOMIC_SEQ_CST) < arguments.tasks;
       round++) {
    total += swap_generations(round);
  }
  for (uint32_t i = 0; i < arguments.tasks; i++) {
    thread_join(threads[i]);
  }
  total += take(&generations[0]) + take(&generations[1]);
  uint64_t expected = (uint64_t)arguments.tasks * arguments.count;
  if (total != expected) {
    fail(EXIT_CHECK_FAILED, "fence: total is %lu, expected %lu\n", total, expected);
  }
  print(STDOUT, "fence: %u tasks x %u = %lu ok\n", arguments.tasks, arguments.count, total);
  return EXIT_OK;
}
