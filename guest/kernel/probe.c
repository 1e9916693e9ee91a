/*
 * Asks the kernel what tells neighbouring releases apart, and prints one line: results of system
 * calls, and what they leave in struct rseq. The last question ends the process on kernels that
 * refuse the flags of struct rseq.
 */
#include <stddef.h>
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_FILE_GETATTR = 468,
  SYS_RSEQ_SLICE_YIELD = 471,
  SYS_NANOSLEEP = 35,
  RSEQ_BYTES = 32,
  EXTENDED_BYTES = 64,
  UNREGISTER = 1,
  UNKNOWN_FLAG = 4,
  BAD_AT_FLAGS = 1,
  NO_RESTART = 7,
  NEVER_WRITTEN = 77,
};

/* Aligned to 32 and not to 64. */
static struct {
  uint8_t space[32];
  struct rseq_area area;
  uint8_t rest[EXTENDED_BYTES];
} extended __attribute__((aligned(64)));

static long rseq(struct rseq_area *area, uint32_t bytes, int flags) {
  return syscall4(SYS_RSEQ, (long)area, bytes, flags, RSEQ_SIGNATURE);
}

/* What registering `bytes` of an area says, undone again. */
static long try_register(struct rseq_area *area, uint32_t bytes) {
  long result = rseq(area, bytes, 0);
  if (result == 0 && area != NULL) {
    rseq(area, bytes, UNREGISTER);
  }
  return result;
}

/* 0 once the thread has slept in a section. */
static volatile uint64_t slot = 1;

/* Sleeps in a section whose thread asks not to be restarted, whatever happens. */
static void sleep_without_restart(struct rseq_area *area) {
  static const uint64_t duration[2] = {0, 100000};
  area->flags = NO_RESTART;
  __asm__ goto(RSEQ_BEGIN
               "movl %[number], %%eax\n\t"
               "xorl %%esi, %%esi\n\t"
               "syscall\n\t"
               "movq %%rax, (%[slot])\n"
               RSEQ_END
               :
               : [cpu] "r"(percpu_index()), [number] "i"(SYS_NANOSLEEP), "D"(duration),
                 [slot] "r"(&slot)
               : "memory", "cc", "rax", "rcx", "rsi", "r11"
               : aborted);
aborted:
  return;
}

int main(void) {
  threads_init();
  struct thread *self;
  __asm__ volatile("movq %%fs:0, %0" : "=r"(self));
  struct rseq_area *area = &self->rseq;
  long stray = rseq(area, RSEQ_BYTES, UNREGISTER | UNKNOWN_FLAG);
  if (stray != 0) {
    rseq(area, RSEQ_BYTES, UNREGISTER);
  }
  uint32_t left = area->cpu_id_start;
  long null_area = try_register(NULL, RSEQ_BYTES);
  long long_area = try_register(&extended.area, EXTENDED_BYTES);
  area->node_id = NEVER_WRITTEN;
  rseq(area, RSEQ_BYTES, 0);
  uint32_t node = area->node_id;
  long attributes = syscall6(SYS_FILE_GETATTR, 0, 0, 0, 0, BAD_AT_FLAGS, 0);
  long yielded = syscall0(SYS_RSEQ_SLICE_YIELD);
  print(STDOUT,
        "probe: stray flag %ld, cpu_id_start left %u, null area %ld, 64 bytes %ld, node_id %u, "
        "file_getattr %ld, slice_yield %ld\n",
        stray, left, null_area, long_area, node, attributes, yielded);
  while (slot != 0) {
    sleep_without_restart(area);
  }
  return EXIT_OK;
}
