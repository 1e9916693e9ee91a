/*
 * Sections that count before they commit, each tried once on a slot of its own: nobody acts on what an
 * abort leaves. A child of fork does the same, from another count on, at the same addresses of another
 * memory: that is right.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_section.h"
#include "syscall.h"
#include "thread.h"

enum { SYS_FORK = 57, SYS_WAIT4 = 61, ROUNDS = 300 };

static struct slot {
  uint64_t value;
  uint64_t count;
} slots[ROUNDS];

static void try_once(struct slot *slot, uint32_t cpu) {
  __asm__ goto(RSEQ_BEGIN
               "addq $1, 8(%[slot])\n\t"
               "movq (%[slot]), %%rax\n\t"
               "addq $1, %%rax\n\t"
               "movq %%rax, (%[slot])\n"
               RSEQ_END
               :
               : [cpu] "r"(cpu), [slot] "r"(slot)
               : "memory", "cc", "rax"
               : aborted);
aborted:;
}

static void try_all(void) {
  for (uint32_t i = 0; i < ROUNDS; i++) {
    try_once(&slots[i], percpu_index());
  }
}

int main(void) {
  threads_init();
  long child = syscall0(SYS_FORK);
  if (child < 0) {
    fail(EXIT_UNABLE, "fork: errno %ld\n", -child);
  }
  for (uint32_t i = 0; child == 0 && i < ROUNDS; i++) {
    slots[i].count = 7;
  }
  try_all();
  if (child == 0) {
    syscall1(SYS_EXIT_GROUP, EXIT_OK);
  }
  syscall4(SYS_WAIT4, child, 0, 0, 0);
  return EXIT_OK;
}
