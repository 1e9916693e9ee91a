/*
 * A descriptor in memory of its own, unmapped after use while rseq_cs still points to it, as after
 * dlclose. Put right: rseq_cs is cleared first.
 */
#include <stdint.h>

#include "memory.h"
#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum { SYS_MUNMAP = 11, PAGE_BYTES = 4096, PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22 };

static uint64_t slots[PERCPU_SLOTS];

/* slots[cpu] += 1, by the descriptor at `copy`: a copy of the section's own. */
static enum rseq_outcome add(void *copy, uint64_t *value, uint32_t cpu) {
  __asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t"
               ".balign 32\n"
               "3:\n\t"
               ".long 0, 0\n\t"
               ".quad 1f, 2f - 1f, 4f\n\t"
               ".popsection\n\t"
               ".pushsection __rseq_cs_ptr_array, \"aw\"\n\t"
               ".quad 3b\n\t"
               ".popsection\n\t"
               "movq $3b, %%rsi\n\t"
               "movq %[copy], %%rdi\n\t"
               "movl $32, %%ecx\n\t"
               "rep movsb\n\t"
               "movq %[copy], %%fs:" RSEQ_TEXT(RSEQ_OFFSET_RSEQ_CS) "\n\t"
               "1:\n\t"
               "cmpl %[cpu], %%fs:" RSEQ_TEXT(RSEQ_OFFSET_CPU_ID) "\n\t"
               "jne 4f\n\t"
               "addq $1, (%[value])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [value] "r"(value), [copy] "r"(copy)
               : "memory", "cc", "rcx", "rsi", "rdi"
               : aborted);
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
}

int main(void) {
  threads_init();
  long page = syscall6(SYS_MMAP, 0, PAGE_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = add((void *)page, &slots[cpu], cpu);
  } while (outcome != RSEQ_COMMITTED);
#ifdef FIXED
  __asm__ volatile("movq $0, %%fs:%c[field]" : : [field] "i"(RSEQ_OFFSET_RSEQ_CS) : "memory");
#endif
  syscall3(SYS_MUNMAP, page, PAGE_BYTES, 0);
  return EXIT_OK;
}
