/*
 * Lutomirski, April 2016: a section counts itself into its slot, so that whoever it interrupted there
 * sees another count than expected; the kernel looks at resume, the section itself once it is armed.
 * Unprotected: post_commit_rip is never set.
 */
#ifndef GUEST_ABI_LUTOMIRSKI_2016_H
#define GUEST_ABI_LUTOMIRSKI_2016_H

#include "scheme.h"

#define RSEQ_OFFSET 32
#define RECORD_POST_COMMIT_RIP 32
#define RECORD_ABORT_RIP 40
#define RECORD_CURRENT_CPU 48
#define RECORD_EXPECTED_CPU 52
#define RECORD_COUNT_ADDRESS 56
#define RECORD_EXPECTED_COUNT 64

struct rseq_area {
  uint64_t post_commit_rip;
  uint64_t abort_rip;
  uint32_t current_cpu;
  uint32_t expected_cpu;
  uint64_t count_address;
  uint64_t expected_count;
};

enum { SYS_RSEQ_LUTOMIRSKI = 329 };

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  area->current_cpu = CPU_UNKNOWN;
  long result = syscall3(SYS_RSEQ_LUTOMIRSKI, (long)area, 0, 0);
  scheme_check("lutomirski-2016", result, &area->current_cpu);
}

#ifdef UNPROTECTED
#define SCHEME_ARM ""
#else
#define SCHEME_ARM "movq $2f, " AREA(RECORD_POST_COMMIT_RIP) "\n\t"
#endif
#define SCHEME_DISARM "movq $0, " AREA(RECORD_POST_COMMIT_RIP) "\n\t"

#define SCHEME_BEGIN                                                                               \
  "movl " AREA(RECORD_CURRENT_CPU) ", %%r9d\n\t"                                                   \
  "movl %%r9d, %%r8d\n\t"                                                                          \
  SLOT_OF_R8                                                                                       \
  "movl $1, %%eax\n\t"                                                                             \
  "leaq 8(%%r8), %%rdx\n\t"                                                                        \
  "lock xaddq %%rax, (%%rdx)\n\t"                                                                  \
  "addq $1, %%rax\n\t"                                                                             \
  "movl %%r9d, " AREA(RECORD_EXPECTED_CPU) "\n\t"                                                  \
  "movq %%rdx, " AREA(RECORD_COUNT_ADDRESS) "\n\t"                                                 \
  "movq %%rax, " AREA(RECORD_EXPECTED_COUNT) "\n\t"                                                \
  "movq $4f, " AREA(RECORD_ABORT_RIP) "\n\t"                                                       \
  SCHEME_ARM                                                                                       \
  "cmpl %%r9d, " AREA(RECORD_CURRENT_CPU) "\n\t"                                                   \
  "jne 4f\n\t"                                                                                     \
  "cmpq %%rax, (%%rdx)\n\t"                                                                        \
  "jne 4f\n\t"

#define SCHEME_FINISH ""

/* The handler lies above every post-commit address: no address below one is safe while it is set. */
#define SCHEME_END                                                                                 \
  "2:\n\t"                                                                                         \
  SCHEME_DISARM                                                                                    \
  ".pushsection __rseq_failure, \"ax\"\n"                                                          \
  "4:\n\t"                                                                                         \
  SCHEME_DISARM                                                                                    \
  "jmp %l[aborted]\n\t"                                                                            \
  ".popsection\n\t"

static inline void scheme_leave(void) {
  __asm__ volatile("movq $0, %%fs:%c[field]" : : [field] "i"(RECORD_POST_COMMIT_RIP) : "memory");
}

#endif
