/*
 * The memory of a counter is given back (MADV_DONTNEED) while a thread counts there in sections. Put
 * right, by what FIXED names: 1 the sections are stopped by a flag that they look at, and a fence once
 * it is raised, 2 the memory is shared, so that the advice leaves what is in it.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_MADVISE = 28,
  SYS_MEMBARRIER = 324,
  FENCE = 1 << 7,
  REGISTER_FENCE = 1 << 8,
  PAGE_BYTES = 4096,
  READ_WRITE = 0x3,
  SHARED = 0x1,
  PRIVATE = 0x2,
  ANONYMOUS = 0x20,
  MADV_DONTNEED = 4,
  ERRNO_LAST = 4095,
  ROUNDS = 30,
  PATIENCE = 300,
};

#ifndef FIXED
#define FIXED 0
#endif

static uint64_t *counter;
static uint64_t stopped;

static void wait(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) {
    __asm__ volatile("");
  }
}

/* *value += 1, unless it is stopped. */
RSEQ_OPERATION count_up(uint64_t *value, uint32_t cpu) {
  __asm__ goto(RSEQ_EXIT_UNEQUAL
               RSEQ_BEGIN
               "cmpq $0, %[stopped]\n\t"
               "jne %l[unequal]\n\t"
               "movq (%[value]), %%rax\n\t"
               "addq $1, %%rax\n\t"
               "movq %%rax, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [stopped] "m"(stopped)
               : "memory", "cc", "rax"
               : aborted, unequal);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

static void count(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    while (count_up(counter, percpu_index()) == RSEQ_ABORTED) {
    }
    wait(PATIENCE / 10);
  }
}

int main(void) {
  threads_init();
  syscall3(SYS_MEMBARRIER, REGISTER_FENCE, 0, 0);
  long flags = ANONYMOUS | (FIXED == 2 ? SHARED : PRIVATE);
  long base = syscall6(SYS_MMAP, 0, PAGE_BYTES, READ_WRITE, flags, -1, 0);
  if (base < 0 && base >= -ERRNO_LAST) {
    fail(EXIT_UNABLE, "mmap: errno %ld\n", -base);
  }
  counter = (uint64_t *)base;
  struct thread *thread = thread_start(count, 0);
  wait(PATIENCE);
  if (FIXED == 1) {
    __atomic_store_n(&stopped, 1, __ATOMIC_RELEASE);
    syscall3(SYS_MEMBARRIER, FENCE, 0, 0);
  }
  long result = syscall3(SYS_MADVISE, base, PAGE_BYTES, MADV_DONTNEED);
  if (result != 0) {
    fail(EXIT_UNABLE, "madvise: errno %ld\n", -result);
  }
  thread_join(thread);
  return EXIT_OK;
}
