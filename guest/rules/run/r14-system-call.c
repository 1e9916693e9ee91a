/*
 * A section that asks the kernel for the time of day, so to speak: getpid inside. Put right: the call is
 * made before.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum { SYS_GETPID = 39 };

static uint64_t slots[PERCPU_SLOTS];

#ifdef FIXED
#define CALL_INSIDE ""
#define CALL_BEFORE "movl %[number], %%eax\n\tsyscall\n\t"
#else
#define CALL_INSIDE "movl %[number], %%eax\n\tsyscall\n\t"
#define CALL_BEFORE ""
#endif

static enum rseq_outcome add(uint64_t *value, uint32_t cpu) {
  __asm__ goto(CALL_BEFORE
               RSEQ_BEGIN
               CALL_INSIDE
               "addq $1, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [number] "i"(SYS_GETPID)
               : "memory", "cc", "rax", "rcx", "r11"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

int main(void) {
  threads_init();
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = add(&slots[cpu], cpu);
  } while (outcome != RSEQ_COMMITTED);
  return EXIT_OK;
}
