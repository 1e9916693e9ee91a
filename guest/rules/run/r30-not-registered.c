/*
 * A section run by a thread that has given its registration back: it derives its slot from
 * cpu_id_start, so that no comparison holds it up. Put right: it is registered.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum { UNREGISTER = 1 };

static uint64_t slots[PERCPU_SLOTS];

static enum rseq_outcome add(uint64_t *all) {
  __asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t"
               ".balign 32\n"
               "3:\n\t"
               ".long 0, 0\n\t"
               ".quad 1f, 2f - 1f, 4f\n\t"
               ".popsection\n\t"
               ".pushsection __rseq_cs_ptr_array, \"aw\"\n\t"
               ".quad 3b\n\t"
               ".popsection\n\t"
               "leaq 3b(%%rip), %%rax\n\t"
               RSEQ_ARM
               "1:\n\t"
               "movl %%fs:" RSEQ_TEXT(RSEQ_OFFSET) ", %%eax\n\t"
               "addq $1, (%[all],%%rax,8)\n"
               RSEQ_END
               :
               : [all] "r"(all)
               : "memory", "cc", "rax"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

int main(void) {
  threads_init();
#ifndef FIXED
  struct thread *self;
  __asm__ volatile("movq %%fs:0, %0" : "=r"(self));
  syscall4(SYS_RSEQ, (long)&self->rseq, sizeof self->rseq, UNREGISTER, RSEQ_SIGNATURE);
#endif
  while (add(slots) != RSEQ_COMMITTED) {
  }
  return EXIT_OK;
}
