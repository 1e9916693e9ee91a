/*
 * Desnoyers, winter 2015-2016: the kernel keeps the CPU number in a word of the thread.
 */
#ifndef GUEST_ABI_GETCPU_CACHE_H
#define GUEST_ABI_GETCPU_CACHE_H

#include "locked.h"

#define RSEQ_OFFSET 32

struct rseq_area {
  int32_t cpu;
};

enum getcpu_cache {
  SYS_GETCPU_CACHE = 327,
  GETCPU_CACHE_SET = 1,
};

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  int32_t *word = &area->cpu;
  *word = CPU_UNKNOWN;
  long result = syscall3(SYS_GETCPU_CACHE, GETCPU_CACHE_SET, (long)&word, 0);
  scheme_check("getcpu-cache", result, word);
}

static inline uint32_t scheme_cpu(void) {
  uint32_t cpu;
  __asm__ volatile("movl %%fs:%c[offset], %[cpu]" : [cpu] "=r"(cpu) : [offset] "i"(RSEQ_OFFSET));
  return cpu;
}

#endif
