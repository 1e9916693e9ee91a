/*
 * Turner and Hunter, 2015: the process registers its sections' ranges before its first thread
 * registers a word for the CPU number; nothing is armed. Unprotected: the ranges are not registered.
 */
#ifndef GUEST_ABI_TURNER_V1_H
#define GUEST_ABI_TURNER_V1_H

#include "scheme.h"

#define RSEQ_OFFSET 32

struct rseq_area {
  int32_t cpu;
};

/* What SCHEME_BEGIN collects. */
struct critical_range {
  uint64_t start;
  uint64_t end;
  uint64_t restart;
};

extern const struct critical_range __start___rseq_ranges[];
extern const struct critical_range __stop___rseq_ranges[];

enum restartable_sequences {
  SYS_RESTARTABLE_SEQUENCES = 323,
  SET_CRITICAL = 0,
  SET_CPU_POINTER = 1,
};

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
#ifndef UNPROTECTED
  static int ranges_registered;
  if (!ranges_registered) {
    ranges_registered = 1;
    const struct critical_range *range = __start___rseq_ranges;
    for (; range < __stop___rseq_ranges; range++) {
      long result = syscall6(SYS_RESTARTABLE_SEQUENCES, SET_CRITICAL, 0, (long)range->start,
                             (long)range->end, (long)range->restart, 0);
      scheme_check("turner-v1", result, range);
    }
  }
#endif
  area->cpu = CPU_UNKNOWN;
  long result = syscall4(SYS_RESTARTABLE_SEQUENCES, SET_CPU_POINTER, 0, (long)&area->cpu, 0);
  scheme_check("turner-v1", result, &area->cpu);
}

#define SCHEME_BEGIN                                                                               \
  ".pushsection __rseq_ranges, \"a\"\n\t"                                                          \
  ".quad 1f, 2f, 4f\n\t"                                                                           \
  ".popsection\n"                                                                                  \
  "1:\n\t"                                                                                         \
  "movl " AREA(RSEQ_OFFSET) ", %%r8d\n\t"                                                          \
  SLOT_OF_R8

#define SCHEME_FINISH ""

#define SCHEME_END                                                                                 \
  "2:\n\t"                                                                                         \
  ".pushsection __rseq_failure, \"ax\"\n"                                                          \
  "4:\n\t"                                                                                         \
  "jmp %l[aborted]\n\t"                                                                            \
  ".popsection\n\t"

static inline void scheme_leave(void) {}

#endif
