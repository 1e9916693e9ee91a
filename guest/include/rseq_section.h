/*
 * Restartable sections in the shape librseq gives them on x86-64: a descriptor in __rseq_cs reached
 * from __rseq_cs_ptr_array, the store of its address to rseq_cs as the last instruction before
 * start_ip, a comparison of the CPU number, the work, one committing store as the last instruction,
 * and an abort handler in __rseq_failure behind the signature. Exits by a failed comparison are
 * listed in __rseq_exit_point_array for debuggers.
 *
 * Numeric labels: 1 start_ip, 2 post-commit, 3 descriptor, 4 abort handler.
 *
 * Built with -DUNPROTECTED the store to rseq_cs is left out and nothing else: the kernel then knows
 * of no section, and an interruption between load and store loses an update.
 */
#ifndef GUEST_RSEQ_SECTION_H
#define GUEST_RSEQ_SECTION_H

#include "rseq_area.h"

enum rseq_outcome {
  RSEQ_COMMITTED,
  /* Interrupted, or no longer on the CPU asked for: read the CPU again and retry. */
  RSEQ_ABORTED,
  /* The value compared was not as the operation needs it; nothing was changed. */
  RSEQ_UNEQUAL,
};

#define RSEQ_TEXT_OF(value) #value
#define RSEQ_TEXT(value) RSEQ_TEXT_OF(value)

#ifdef UNPROTECTED
#define RSEQ_ARM "\n\t"
#else
#define RSEQ_ARM "movq %%rax, %%fs:" RSEQ_TEXT(RSEQ_OFFSET_RSEQ_CS) "\n\t"
#endif

/* Needs the operand [cpu] and clobbers rax. */
#define RSEQ_BEGIN                                                                                 \
  ".pushsection __rseq_cs, \"aw\"\n\t"                                                             \
  ".balign 32\n"                                                                                   \
  "3:\n\t"                                                                                         \
  ".long 0, 0\n\t"                                                                                 \
  ".quad 1f, 2f - 1f, 4f\n\t"                                                                      \
  ".popsection\n\t"                                                                                \
  ".pushsection __rseq_cs_ptr_array, \"aw\"\n\t"                                                   \
  ".quad 3b\n\t"                                                                                   \
  ".popsection\n\t"                                                                                \
  "leaq 3b(%%rip), %%rax\n\t"                                                                      \
  RSEQ_ARM                                                                                         \
  "1:\n\t"                                                                                         \
  "cmpl %[cpu], %%fs:" RSEQ_TEXT(RSEQ_OFFSET_CPU_ID) "\n\t"                                        \
  "jne 4f\n\t"

/* Follows the committing store; needs the C label `aborted`. The signature is part of a ud1. */
#define RSEQ_END                                                                                   \
  "2:\n\t"                                                                                         \
  ".pushsection __rseq_failure, \"ax\"\n\t"                                                        \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                                                                     \
  ".long " RSEQ_TEXT(RSEQ_SIGNATURE) "\n"                                                          \
  "4:\n\t"                                                                                         \
  "jmp %l[aborted]\n\t"                                                                            \
  ".popsection\n\t"

/* To stand before RSEQ_BEGIN: lists the C label `unequal` as an exit of the section begun there. */
#define RSEQ_EXIT_UNEQUAL                                                                          \
  ".pushsection __rseq_exit_point_array, \"aw\"\n\t"                                               \
  ".quad 1f, %l[unequal]\n\t"                                                                      \
  ".popsection\n\t"

#endif
