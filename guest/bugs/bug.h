/*
 * What the seeded bugs share. Each program has one mistake, made of one instruction that stands at the
 * symbol `faulty`; built with -DFIXED it is the same program without the mistake. Sections are written
 * by hand, so that everything is exactly where the bug wants it:
 *
 *   DESCRIPTOR(start, length, abort)  the descriptor, numeric label 3
 *   ARM                               rax = descriptor, rseq_cs = rax; start_ip comes next
 *   COMPARE_CPU                       is the CPU still the operand [cpu]? else to the abort handler
 *   ABORT(body)                       the abort handler, numeric label 4, behind its signature
 *
 * Numeric labels: 1 start_ip, 2 post-commit, 3 descriptor, 4 abort handler, 5 and up as needed.
 */
#ifndef GUEST_BUG_H
#define GUEST_BUG_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "output.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

#ifdef FIXED
#define IF_FIXED(text) text
#define IF_BUGGY(text) ""
#else
#define IF_FIXED(text) ""
#define IF_BUGGY(text) text
#endif

/* The faulty instruction follows. */
#define FAULTY ".globl faulty\nfaulty:\n\t"

#define DESCRIPTOR(start, length, abort)                                                           \
  ".pushsection __rseq_cs, \"aw\"\n\t"                                                             \
  ".balign 32\n"                                                                                   \
  "3:\n\t"                                                                                         \
  ".long 0, 0\n\t"                                                                                 \
  ".quad " start ", " length ", " abort "\n\t"                                                     \
  ".popsection\n\t"                                                                                \
  ".pushsection __rseq_cs_ptr_array, \"aw\"\n\t"                                                   \
  ".quad 3b\n\t"                                                                                   \
  ".popsection\n\t"

/* The usual extent of a section. */
#define SECTION DESCRIPTOR("1f", "2f - 1f", "4f")

#define FS(offset) "%%fs:" RSEQ_TEXT(offset)
#define FS_CPU_ID_START FS(RSEQ_OFFSET)
#define FS_CPU_ID FS(RSEQ_OFFSET_CPU_ID)
#define FS_RSEQ_CS FS(RSEQ_OFFSET_RSEQ_CS)
/* struct rseq, mm_cid. */
#define FS_MM_CID FS(56)

#define ARM                                                                                        \
  "leaq 3b(%%rip), %%rax\n\t"                                                                      \
  "movq %%rax, " FS_RSEQ_CS "\n\t"

#define COMPARE_CPU                                                                                \
  "cmpl %[cpu], " FS_CPU_ID "\n\t"                                                                 \
  "jne 4f\n\t"

#define SIGNATURE                                                                                  \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                                                                     \
  ".long " RSEQ_TEXT(RSEQ_SIGNATURE) "\n\t"

#define ABORT(body)                                                                                \
  ".pushsection __rseq_failure, \"ax\"\n\t"                                                        \
  SIGNATURE                                                                                        \
  "4:\n\t" body "\n\t"                                                                             \
  ".popsection\n\t"

/* The abort handler that only tries again: needs the C label `aborted`. */
#define ABORT_TO_RETRY ABORT("jmp %l[aborted]")

/* One body of code, at one place: the labels within are unique. */
#define TASK static __attribute__((noinline, noclone, noipa)) void

enum { SLOTS = 64, TASKS = 2 };

/* Per-CPU data; what its words mean is the program's affair. */
struct slot {
  uint64_t value;
  uint64_t stamp;
} __attribute__((aligned(64)));

static inline uint32_t slot_number(uint32_t cpu) {
  if (cpu >= SLOTS) {
    fail(EXIT_UNABLE, "CPU %u is beyond the %u slots; run under taskset -c 0-%u\n", cpu, SLOTS,
         SLOTS - 1);
  }
  return cpu;
}

/* The CPU to work on, to be compared in the section. */
static inline uint32_t here(void) { return slot_number(rseq_cpu_start()); }

/* Bytes to clear. */
enum { OTHER_WORK_SHORT = 64, OTHER_WORK_LONG = 160 };

/* What a thread does in between, on memory of its own: some instructions for each byte. */
static inline void do_other_work(uint32_t bytes) {
  uint8_t own[OTHER_WORK_LONG];
  memset(own, 0, bytes);
  __asm__ volatile("" : : "r"(own) : "memory");
}

static inline uint64_t sum_of_values(const struct slot *slots) {
  uint64_t sum = 0;
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    sum += slots[cpu].value;
  }
  return sum;
}

/* Ends the process with EXIT_CHECK_FAILED where a count is not what it has to be. */
static inline void expect(const char *bug, uint64_t count, uint64_t expected) {
  if (count != expected) {
    fail(EXIT_CHECK_FAILED, "%s: %lu, expected %lu\n", bug, count, expected);
  }
}

#endif
