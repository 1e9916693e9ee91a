/*
 * Desnoyers, mid 2016: as Turner's second scheme, with an event counter of the thread that every
 * resume advances. Unprotected: post_commit_ip is never set.
 */
#ifndef GUEST_ABI_DESNOYERS_2016A_H
#define GUEST_ABI_DESNOYERS_2016A_H

#include "scheme.h"

#define RSEQ_OFFSET 32
#define AREA_CPU_ID 32
#define AREA_EVENT_COUNTER 36
#define AREA_POST_COMMIT_IP 40

struct rseq_area {
  int32_t cpu_id;
  uint32_t event_counter;
  uint64_t post_commit_ip;
};

enum { SYS_RSEQ_2016A = 329 };

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  area->cpu_id = CPU_UNKNOWN;
  long result = syscall3(SYS_RSEQ_2016A, (long)area, 0, 0);
  scheme_check("desnoyers-2016a", result, &area->cpu_id);
}

#ifdef UNPROTECTED
#define SCHEME_ARM ""
#else
#define SCHEME_ARM "movq $2f, " AREA(AREA_POST_COMMIT_IP) "\n\t"
#endif
#define SCHEME_DISARM "movq $0, " AREA(AREA_POST_COMMIT_IP) "\n\t"

/* The counter first: a resume between the two loads is seen then. */
#define SCHEME_BEGIN                                                                               \
  "movl " AREA(AREA_EVENT_COUNTER) ", %%r9d\n\t"                                                   \
  "movl " AREA(AREA_CPU_ID) ", %%r8d\n\t"                                                          \
  SLOT_OF_R8

#define SCHEME_FINISH                                                                              \
  "leaq 4f(%%rip), %%rcx\n\t"                                                                      \
  "movl %%r9d, %%edx\n\t"                                                                          \
  SCHEME_ARM                                                                                       \
  "cmpl %%edx, " AREA(AREA_EVENT_COUNTER) "\n\t"                                                   \
  "jne 4f\n\t"

/* The handler lies above every post-commit address: no address below one is safe while it is set. */
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
