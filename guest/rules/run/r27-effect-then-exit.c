/*
 * A section that counts what it is about to take, and then finds that there is nothing: the count stays.
 * Put right: it counts by its commit.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

enum { ROUNDS = 100 };

struct slot {
  uint64_t taken;
  uint64_t left;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct slot slots[PERCPU_SLOTS];

#ifdef FIXED
#define TAKE                                                                                       \
  "cmpq $0, 8(%[slot])\n\t"                                                                        \
  "je %l[empty]\n\t"                                                                               \
  "addq $1, (%[slot])\n"
#else
#define TAKE                                                                                       \
  "addq $1, (%[slot])\n\t"                                                                         \
  "cmpq $0, 8(%[slot])\n\t"                                                                        \
  "je %l[empty]\n\t"                                                                               \
  "subq $1, 8(%[slot])\n"
#endif

static enum rseq_outcome take(struct slot *slot, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               TAKE
               RSEQ_END
               :
               : [cpu] "r"(cpu), [slot] "r"(slot)
               : "memory", "cc", "rax"
               : aborted, empty);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
empty:
  return RSEQ_UNEQUAL;
}

/* Leaves in `result` how often there was nothing. */
static void take_often(struct thread *self) {
  for (uint32_t done = 0; done < ROUNDS; done++) {
    uint32_t cpu = percpu_index();
    self->result += take(&slots[cpu], cpu) == RSEQ_UNEQUAL;
  }
}

int main(void) {
  threads_init();
  run_tasks(1, take_often);
  return EXIT_OK;
}
