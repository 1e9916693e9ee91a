/*
 * Turner, October 2015: {CPU, event counter} is saved at the start and compared before the commit,
 * by the code itself and, while post_commit_instr is set, by the kernel. Unprotected:
 * post_commit_instr is never set.
 */
#ifndef GUEST_ABI_TURNER_V2_H
#define GUEST_ABI_TURNER_V2_H

#include "scheme.h"

#define RSEQ_OFFSET 32
#define AREA_CPU_AND_EVENT 32
#define AREA_POST_COMMIT_INSTR 40

struct rseq_area {
  uint32_t cpu;
  uint32_t event_counter;
  uint64_t post_commit_instr;
};

enum { SYS_RESTARTABLE_SEQUENCES = 325 };

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  area->cpu = CPU_UNKNOWN;
  long result = syscall3(SYS_RESTARTABLE_SEQUENCES, (long)area, 0, 0);
  scheme_check("turner-v2", result, &area->cpu);
}

#ifdef UNPROTECTED
#define SCHEME_ARM ""
#else
#define SCHEME_ARM "movq $2f, " AREA(AREA_POST_COMMIT_INSTR) "\n\t"
#endif
#define SCHEME_DISARM "movq $0, " AREA(AREA_POST_COMMIT_INSTR) "\n\t"

#define SCHEME_BEGIN                                                                               \
  "movq " AREA(AREA_CPU_AND_EVENT) ", %%r9\n\t"                                                    \
  "movl %%r9d, %%r8d\n\t"                                                                          \
  SLOT_OF_R8

/*
 * rdx before post_commit_instr, though the cover letter names them the other way round: a resume in
 * between would compare what is left in rdx, and stepping would never get past it.
 */
#define SCHEME_FINISH                                                                              \
  "leaq 4f(%%rip), %%rcx\n\t"                                                                      \
  "movq %%r9, %%rdx\n\t"                                                                           \
  SCHEME_ARM                                                                                       \
  "cmpq %%rdx, " AREA(AREA_CPU_AND_EVENT) "\n\t"                                                   \
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
