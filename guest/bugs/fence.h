/*
 * The rseq membarrier: sections that run anywhere in the process are aborted.
 */
#ifndef GUEST_FENCE_H
#define GUEST_FENCE_H

#include "bug.h"

enum {
  SYS_MEMBARRIER = 324,
  MEMBARRIER_RSEQ = 1 << 7,
  MEMBARRIER_REGISTER_RSEQ = 1 << 8,
};

static inline void membarrier(int command) {
  long result = syscall3(SYS_MEMBARRIER, command, 0, 0);
  if (result != 0) {
    fail(EXIT_UNABLE, "membarrier: errno %ld\n", -result);
  }
}

static inline void allow_fences(void) { membarrier(MEMBARRIER_REGISTER_RSEQ); }
static inline void fence(void) { membarrier(MEMBARRIER_RSEQ); }

/* A plain store of C code, with what stands before it in the source done before. */
static inline void store(uint64_t *word, uint64_t content) {
  __atomic_store_n(word, content, __ATOMIC_RELEASE);
}

#endif
