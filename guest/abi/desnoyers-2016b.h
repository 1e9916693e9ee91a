/*
 * Desnoyers, July to December 2016: a pointer to a descriptor arms, start_ip is for debuggers, and
 * {CPU, event counter} is compared once armed. Unprotected: the pointer is never set.
 */
#ifndef GUEST_ABI_DESNOYERS_2016B_H
#define GUEST_ABI_DESNOYERS_2016B_H

#include "scheme.h"

#define RSEQ_OFFSET 32
#define AREA_CPU_AND_EVENT 32
#define AREA_RSEQ_CS 40

struct rseq_area {
  uint32_t cpu_id;
  uint32_t event_counter;
  uint64_t rseq_cs;
};

enum { SYS_RSEQ_2016B = 332 };

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  area->cpu_id = CPU_UNKNOWN;
  long result = syscall3(SYS_RSEQ_2016B, (long)area, 0, 0);
  scheme_check("desnoyers-2016b", result, &area->cpu_id);
}

#ifdef UNPROTECTED
#define SCHEME_ARM ""
#else
#define SCHEME_ARM "movq $3b, " AREA(AREA_RSEQ_CS) "\n"
#endif
#define SCHEME_DISARM "movq $0, " AREA(AREA_RSEQ_CS) "\n\t"

#define SCHEME_BEGIN                                                                               \
  ".pushsection __rseq_table, \"aw\"\n\t"                                                          \
  ".balign 8\n"                                                                                    \
  "3:\n\t"                                                                                         \
  ".quad 1f, 2f, 4f\n\t"                                                                           \
  ".popsection\n\t"                                                                                \
  "movq " AREA(AREA_CPU_AND_EVENT) ", %%r9\n\t"                                                    \
  "movl %%r9d, %%r8d\n\t"                                                                          \
  SLOT_OF_R8

#define SCHEME_FINISH                                                                              \
  SCHEME_ARM                                                                                       \
  "1:\n\t"                                                                                         \
  "cmpq %%r9, " AREA(AREA_CPU_AND_EVENT) "\n\t"                                                    \
  "jne 4f\n\t"

/* The handler lies above every post-commit address: no address below one is safe while armed. */
#define SCHEME_END                                                                                 \
  "2:\n\t"                                                                                         \
  SCHEME_DISARM                                                                                    \
  ".pushsection __rseq_failure, \"ax\"\n"                                                          \
  "4:\n\t"                                                                                         \
  SCHEME_DISARM                                                                                    \
  "jmp %l[aborted]\n\t"                                                                            \
  ".popsection\n\t"

/* Nothing is armed before SCHEME_FINISH. */
static inline void scheme_leave(void) {}

#endif
