/*
 * A call out of the section and back: whoever is interrupted in the function called is outside, the
 * kernel clears rseq_cs, and the rest of the section runs bare.
 */
#include "bug.h"

static struct slot slots[SLOTS];

void add_one(void);
__asm__(".pushsection .text\n"
        ".type add_one, @function\n"
        "add_one:\n\t"
        "addq $1, %rax\n\t"
        "ret\n"
        ".size add_one, . - add_one\n\t"
        ".popsection");

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    /* The call must not write into what the compiler may keep below the stack pointer. */
    __asm__ goto(SECTION
                 "leaq -128(%%rsp), %%rsp\n\t"
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 FAULTY
                 IF_BUGGY("call add_one\n\t")
                 IF_FIXED("addq $1, %%rax\n\t")
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 "leaq 128(%%rsp), %%rsp\n\t"
                 ABORT("leaq 128(%%rsp), %%rsp\n\tjmp %l[aborted]")
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
  expect("s12-call", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
