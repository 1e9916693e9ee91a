/*
 * Desnoyers, late 2017: the descriptor of the merged ABI, but a section begins with the store that
 * arms it. Unprotected: the pointer is never set.
 */
#ifndef GUEST_ABI_RFC_2017_H
#define GUEST_ABI_RFC_2017_H

#include "scheme.h"

#define RSEQ_OFFSET 32
#define AREA_CPU_ID 36
#define AREA_RSEQ_CS 40
#define RFC_2017_SIGNATURE 0x53053053

struct rseq_area {
  uint32_t cpu_id_start;
  uint32_t cpu_id;
  uint64_t rseq_cs;
  uint32_t flags;
} __attribute__((aligned(32)));

enum { SYS_RSEQ_2017 = 333 };

#define RSEQ_SCHEME_REGISTERS

static inline void rseq_register(struct rseq_area *area) {
  area->cpu_id = CPU_UNKNOWN;
  long result = syscall4(SYS_RSEQ_2017, (long)area, sizeof *area, 0, RFC_2017_SIGNATURE);
  scheme_check("rfc-2017", result, &area->cpu_id);
}

#ifdef UNPROTECTED
#define SCHEME_ARM ""
#else
#define SCHEME_ARM "movq $3b, " AREA(AREA_RSEQ_CS) "\n\t"
#endif

#define SCHEME_BEGIN                                                                               \
  ".pushsection __rseq_table, \"aw\"\n\t"                                                          \
  ".balign 32\n"                                                                                   \
  "3:\n\t"                                                                                         \
  ".long 0, 0\n\t"                                                                                 \
  ".quad 1f, 2f - 1f, 4f\n\t"                                                                      \
  ".popsection\n"                                                                                  \
  "1:\n\t"                                                                                         \
  SCHEME_ARM                                                                                       \
  "movl " AREA(AREA_CPU_ID) ", %%r8d\n\t"                                                          \
  SLOT_OF_R8

#define SCHEME_FINISH ""

#define SCHEME_END                                                                                 \
  "2:\n\t"                                                                                         \
  ".pushsection __rseq_failure, \"ax\"\n\t"                                                        \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                                                                     \
  ".long " SCHEME_TEXT(RFC_2017_SIGNATURE) "\n"                                                    \
  "4:\n\t"                                                                                         \
  "jmp %l[aborted]\n\t"                                                                            \
  ".popsection\n\t"

static inline void scheme_leave(void) {}

#endif
