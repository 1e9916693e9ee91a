/*
 * Relies on the kernel rewriting cpu_id_start at every reschedule, as tcmalloc does: TASKS threads add
 * 1, COUNT times, to the counter of their CPU, whose value each keeps at hand. A mark over
 * cpu_id_start says that what it keeps is current, for as long as the kernel does not write there.
 * Holds when no update is lost. A kernel that writes ids only when they change leaves the mark to a
 * thread that was preempted by another one on the same CPU.
 */
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

/* No CPU has this number. */
#define MARK 0x7fffffff

struct counter {
  uint64_t value;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct counter counters[PERCPU_SLOTS];
static uint32_t increments;

/* *kept = *value, and the mark says so. */
static enum rseq_outcome look(uint64_t *value, uint64_t *kept, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               "movq (%[value]), %%rax\n\t"
               "movq %%rax, (%[kept])\n\t"
               "movl $" RSEQ_TEXT(MARK) ", %%fs:" RSEQ_TEXT(RSEQ_OFFSET) "\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [kept] "r"(kept)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

/* If the mark is still there then *value = desired. */
static enum rseq_outcome store_if_marked(uint64_t *value, uint64_t desired, uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpl $" RSEQ_TEXT(MARK) ", %%fs:" RSEQ_TEXT(RSEQ_OFFSET) "\n\t"
               "jne %l[unequal]\n\t"
               "movq %[desired], (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [desired] "r"(desired)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

static void count_up(struct thread *self) {
  (void)self;
  uint64_t kept = 0;
  for (uint32_t done = 0; done < increments;) {
    uint32_t cpu = (uint32_t)rseq_cpu_id() % PERCPU_SLOTS;
    uint64_t *value = &counters[cpu].value;
    switch (store_if_marked(value, kept + 1, cpu)) {
      case RSEQ_COMMITTED:
        kept++;
        done++;
        break;
      case RSEQ_UNEQUAL:
        (void)look(value, &kept, cpu);
        break;
      case RSEQ_ABORTED:
        break;
    }
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 100};
  struct arguments arguments = parse_arguments(argc, argv, "ids", defaults);
  threads_init();
  increments = arguments.count;
  run_tasks(arguments.tasks, count_up);

  uint64_t total = 0;
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    total += counters[cpu].value;
  }
  uint64_t expected = (uint64_t)arguments.tasks * arguments.count;
  if (total != expected) {
    fail(EXIT_CHECK_FAILED, "ids: total is %lu, expected %lu\n", total, expected);
  }
  print(STDOUT, "ids: %u tasks x %u = %lu ok\n", arguments.tasks, arguments.count, total);
  return EXIT_OK;
}
