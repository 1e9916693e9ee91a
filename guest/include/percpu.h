/*
 * Per-CPU data: an array with one cache-line-aligned slot for each CPU number.
 */
#ifndef GUEST_PERCPU_H
#define GUEST_PERCPU_H

#include <stdint.h>

#include "output.h"
#include "rseq_area.h"

enum percpu_shape {
  PERCPU_SLOTS = 256,
  CACHE_LINE_BYTES = 64,
};

/* The slot to use now; the section that uses it must compare it with cpu_id. */
static inline uint32_t percpu_index(void) {
  uint32_t cpu = rseq_cpu_start();
  if (cpu >= PERCPU_SLOTS) {
    fail(EXIT_UNABLE, "CPU %u is beyond the %u slots; run under taskset -c 0-%u\n", cpu,
         PERCPU_SLOTS, PERCPU_SLOTS - 1);
  }
  return cpu;
}

#endif
