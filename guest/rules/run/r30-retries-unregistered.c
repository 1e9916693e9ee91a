/*
 * A thread that has given its registration back tries to count up for ever: cpu_id stays -1, and the
 * comparison fails each time. Put right: it is registered.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum { UNREGISTER = 1 };

static uint64_t slots[PERCPU_SLOTS];

int main(void) {
  threads_init();
#ifndef FIXED
  struct thread *self;
  __asm__ volatile("movq %%fs:0, %0" : "=r"(self));
  syscall4(SYS_RSEQ, (long)&self->rseq, sizeof self->rseq, UNREGISTER, RSEQ_SIGNATURE);
#endif
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = rseq_add(&slots[cpu], 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  return EXIT_OK;
}
