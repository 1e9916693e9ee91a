/*
 * Asks for more time: TASKS threads, COUNT times each, request an extension of their time slice,
 * spin until the kernel says that it was granted or patience runs out, and give it back. Holds when
 * some request was granted and each one that was given back in time is acknowledged.
 */
#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_RSEQ_SLICE_YIELD = 471,
  UNREGISTER = 1,
  SLICE_DEFAULT_ON = 2,
  ORIGINAL_BYTES = 32,
  EXTENDED_BYTES = 64,
  PATIENCE = 20000,
};

struct extended_area {
  struct rseq_area first;
  uint8_t rest[EXTENDED_BYTES - sizeof(struct rseq_area)];
} __attribute__((aligned(64)));

static struct extended_area areas[TASKS_MAX];
static uint32_t rounds;

/* The bytes of slice_ctrl, which kernels before 7.0 leave reserved. */
static volatile uint8_t *slice_control(struct extended_area *area) {
  return (volatile uint8_t *)&area->first.reserved;
}

/* One request: whether it was granted, and the kernel knew of it when it was given back. */
static bool extend_slice(volatile uint8_t *request) {
  volatile uint8_t *granted = request + 1;
  *request = 1;
  for (uint32_t i = 0; i < PATIENCE && *granted == 0; i++) {
  }
  *request = 0;
  return *granted != 0 && syscall0(SYS_RSEQ_SLICE_YIELD) == 1;
}

/* Leaves in `result` how many requests were granted, or -1 where there are no extensions. */
static void ask_often(struct thread *self) {
  struct extended_area *area = &areas[self->index];
  syscall4(SYS_RSEQ, (long)&self->rseq, ORIGINAL_BYTES, UNREGISTER, RSEQ_SIGNATURE);
  long result = syscall4(SYS_RSEQ, (long)area, EXTENDED_BYTES, SLICE_DEFAULT_ON, RSEQ_SIGNATURE);
  if (result != 0) {
    self->result = UINT64_MAX;
    return;
  }
  uint64_t granted = 0;
  for (uint32_t done = 0; done < rounds; done++) {
    granted += extend_slice(slice_control(area));
  }
  self->result = granted;
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 12, .count = 2};
  struct arguments arguments = parse_arguments(argc, argv, "slice", defaults);
  threads_init();
  rounds = arguments.count;
  uint64_t granted = run_tasks(arguments.tasks, ask_often);
  uint64_t most = (uint64_t)arguments.tasks * arguments.count;
  const char *answer = granted == 0 ? "no request granted" : "some requests granted";
  print(STDOUT, "slice: %s\n", granted <= most ? answer : "no extensions to ask for");
  return EXIT_OK;
}
