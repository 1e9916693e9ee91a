/*
 * A thread asks for a longer time slice, and makes another system call than rseq_slice_yield in it. Put
 * right: it gives the slice back.
 */
#include <stdint.h>

#include "output.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_GETPID = 39,
  SYS_RSEQ_SLICE_YIELD = 471,
  UNREGISTER = 1,
  SLICE_DEFAULT_ON = 2,
  EXTENDED_BYTES = 64,
  PATIENCE = 500,
  TASKS = 3,
  ROUNDS = 3,
};

struct extended_area {
  struct rseq_area first;
  uint8_t rest[EXTENDED_BYTES - sizeof(struct rseq_area)];
} __attribute__((aligned(64)));

static struct extended_area areas[TASKS];

static void ask_often(struct thread *self) {
  struct extended_area *area = &areas[self->index];
  syscall4(SYS_RSEQ, (long)&self->rseq, sizeof self->rseq, UNREGISTER, RSEQ_SIGNATURE);
  syscall4(SYS_RSEQ, (long)area, EXTENDED_BYTES, SLICE_DEFAULT_ON, RSEQ_SIGNATURE);
  volatile uint8_t *request = (volatile uint8_t *)&area->first.reserved;
  volatile uint8_t *granted = request + 1;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    *request = 1;
    for (uint32_t i = 0; i < PATIENCE && *granted == 0; i++) {
    }
    *request = 0;
    if (*granted != 0) {
#ifdef FIXED
      syscall0(SYS_RSEQ_SLICE_YIELD);
#else
      syscall0(SYS_GETPID);
#endif
    }
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, ask_often);
  return EXIT_OK;
}
