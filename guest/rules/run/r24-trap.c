/* A breakpoint inside a section. Put right: none. */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "thread.h"

static uint64_t slots[PERCPU_SLOTS];

#ifdef FIXED
#define TRAP ""
#else
#define TRAP "int3\n\t"
#endif

static enum rseq_outcome add(uint64_t *value, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               TRAP
               "addq $1, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

int main(void) {
  threads_init();
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = add(&slots[cpu], cpu);
  } while (outcome != RSEQ_COMMITTED);
  return EXIT_OK;
}
