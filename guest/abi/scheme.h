/*
 * What every scheme's header builds on. Such a header defines struct rseq_area, registers it, and has
 * the macros that operations.h is made of (or, where nothing is aborted, the operations themselves):
 *
 *   SCHEME_BEGIN   leaves the address of this CPU's slot in r8, from the operand [slots]
 *   SCHEME_FINISH  comes right before the committing store, movq %rax, (%r8)
 *   SCHEME_END     follows it; an abort goes on at the C label `aborted`
 *   scheme_leave() ends a section that is left without a commit
 *
 * BEGIN and FINISH may use rcx, rdx, r8 and r9, BEGIN rax too; r9 is theirs in between. Numeric
 * labels: 1 start, 2 post-commit, 3 descriptor, 4 abort handler.
 *
 * Built with -DUNPROTECTED a scheme leaves out what makes it sound, and says what that is.
 */
#ifndef GUEST_ABI_SCHEME_H
#define GUEST_ABI_SCHEME_H

#include <stdint.h>

#include "output.h"
#include "syscall.h"

enum rseq_outcome {
  RSEQ_COMMITTED,
  /* Interrupted, or in conflict: retry. */
  RSEQ_ABORTED,
  /* There was nothing to take; nothing was changed. */
  RSEQ_EMPTY,
};

enum slot_shape {
  SLOTS = 256,
  SLOT_SHIFT = 6,
};

/* A CPU's share of an object. */
struct slot {
  uint64_t value;
  /* Sections begun, or a version, where a scheme needs it. */
  uint64_t count;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct slot) == 1 << SLOT_SHIFT, "what SLOT_OF_R8 shifts by");

/* r8 holds the CPU number; then the slot's address. */
#define SLOT_OF_R8                                                                                 \
  "shlq $6, %%r8\n\t"                                                                              \
  "addq %[slots], %%r8\n\t"

#define SCHEME_TEXT_OF(value) #value
#define SCHEME_TEXT(value) SCHEME_TEXT_OF(value)
/* A field of the area, whose distance from the thread pointer is a number. */
#define AREA(distance) "%%fs:" SCHEME_TEXT(distance)

/* What a CPU number is set to for the kernel to overwrite. */
#define CPU_UNKNOWN (-1)

/*
 * Ends the process with EXIT_UNABLE on a kernel that does not have the scheme: later kernels gave the
 * numbers of these calls to others, which may succeed, but know nothing of a CPU number.
 */
static inline void scheme_check(const char *scheme, long result, const volatile void *cpu) {
  if (result != 0 || *(const volatile int32_t *)cpu == CPU_UNKNOWN) {
    fail(EXIT_UNABLE, "%s: this kernel does not have the scheme\n", scheme);
  }
}

#endif
