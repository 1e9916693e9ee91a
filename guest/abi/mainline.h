/*
 * The merged ABI (Linux 4.18 and later): a descriptor, and the CPU number read inside the section.
 * Unprotected: the descriptor is never armed.
 */
#ifndef GUEST_ABI_MAINLINE_H
#define GUEST_ABI_MAINLINE_H

#include "rseq_area.h"
#include "scheme.h"

#ifdef UNPROTECTED
#define SCHEME_ARM ""
#else
#define SCHEME_ARM "movq $3b, " AREA(RSEQ_OFFSET_RSEQ_CS) "\n"
#endif

#define SCHEME_BEGIN                                                                               \
  ".pushsection __rseq_cs, \"aw\"\n\t"                                                             \
  ".balign 32\n"                                                                                   \
  "3:\n\t"                                                                                         \
  ".long 0, 0\n\t"                                                                                 \
  ".quad 1f, 2f - 1f, 4f\n\t"                                                                      \
  ".popsection\n\t"                                                                                \
  ".pushsection __rseq_cs_ptr_array, \"aw\"\n\t"                                                   \
  ".quad 3b\n\t"                                                                                   \
  ".popsection\n\t"                                                                                \
  SCHEME_ARM                                                                                       \
  "1:\n\t"                                                                                         \
  "movl " AREA(RSEQ_OFFSET_CPU_ID) ", %%r8d\n\t"                                                   \
  SLOT_OF_R8

#define SCHEME_FINISH ""

#define SCHEME_END                                                                                 \
  "2:\n\t"                                                                                         \
  ".pushsection __rseq_failure, \"ax\"\n\t"                                                        \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                                                                     \
  ".long " SCHEME_TEXT(RSEQ_SIGNATURE) "\n"                                                        \
  "4:\n\t"                                                                                         \
  "jmp %l[aborted]\n\t"                                                                            \
  ".popsection\n\t"

static inline void scheme_leave(void) {}

#endif
