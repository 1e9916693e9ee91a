/*
 * Desnoyers, spring 2016: the CPU number as the first feature of an extensible area.
 */
#ifndef GUEST_ABI_THREAD_LOCAL_ABI_H
#define GUEST_ABI_THREAD_LOCAL_ABI_H

#include "locked.h"

#define RSEQ_OFFSET 64
#define AREA_CPU_ID 68

struct rseq_area {
  uint32_t features;
  uint32_t cpu_id;
} __attribute__((aligned(64)));

enum thread_local_abi {
  SYS_THREAD_LOCAL_ABI = 329,
  FEATURE_CPU_ID = 1,
};

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  area->cpu_id = CPU_UNKNOWN;
  long result = syscall4(SYS_THREAD_LOCAL_ABI, 0, (long)area, FEATURE_CPU_ID, 0);
  scheme_check("thread-local-abi", result, &area->cpu_id);
}

static inline uint32_t scheme_cpu(void) {
  uint32_t cpu;
  __asm__ volatile("movl %%fs:%c[offset], %[cpu]" : [cpu] "=r"(cpu) : [offset] "i"(AREA_CPU_ID));
  return cpu;
}

#endif
