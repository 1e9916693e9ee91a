/* A section that nobody arms. Put right: armed. */
#ifndef FIXED
#define UNPROTECTED
#endif

#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

static uint64_t slots[PERCPU_SLOTS];

int main(void) {
  threads_init();
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = rseq_add(&slots[cpu], 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  return EXIT_OK;
}
