/*
 * The word before the abort handler is not the signature that was registered: whoever is interrupted
 * with the section armed is killed.
 */
#include "bug.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ".pushsection __rseq_failure, \"ax\"\n\t"
                 ".byte 0x0f, 0xb9, 0x3d\n\t"
                 ".long " IF_BUGGY("0x53053054") IF_FIXED(RSEQ_TEXT(RSEQ_SIGNATURE)) "\n"
                 "4:\n\t"
                 FAULTY
                 "jmp %l[aborted]\n\t"
                 ".popsection\n\t"
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("s10-signature", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
