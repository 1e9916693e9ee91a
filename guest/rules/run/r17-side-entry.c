/*
 * A jump over the beginning of a section, into its middle. rseq_cs still points to its descriptor from
 * the time before. Put right: the section begins at its beginning each time.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

static uint64_t slots[PERCPU_SLOTS];

/* From the side if `aside`. */
static enum rseq_outcome add(uint64_t *value, uint32_t cpu, uint32_t aside) {
  __asm__ goto("testl %[aside], %[aside]\n\t"
               "jnz 6f\n\t"
               RSEQ_BEGIN
               "6:\n\t"
               "addq $1, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [aside] "r"(aside)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

int main(void) {
  threads_init();
#ifdef FIXED
  uint32_t aside = 0;
#else
  uint32_t aside = 1;
#endif
  for (uint32_t round = 0; round < 2; round++) {
    uint32_t cpu = percpu_index();
    (void)add(&slots[cpu], cpu, round & aside);
  }
  return EXIT_OK;
}
