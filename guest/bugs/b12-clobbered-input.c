/*
 * DynamoRIO#5658, tcmalloc 6351960e: the way from the abort handler back to the section destroys a
 * register that the section takes its input from, and the retry adds junk.
 */
#include "bug.h"

static struct slot slots[SLOTS];
static uint64_t aborts;

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto("movl $1, %%edx\n\t"
                 SECTION
                 "5:\n\t"
                 ARM
                 "1:\n\t"
                 "cmpl %[cpu], " FS_CPU_ID "\n\t"
                 "jne %l[elsewhere]\n\t"
                 "movq (%[value]), %%rax\n\t"
                 "addq %%rdx, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ABORT(FAULTY
                       IF_BUGGY("leaq %[aborts], %%rdx\n\tincq (%%rdx)\n\t")
                       IF_FIXED("leaq %[aborts], %%rcx\n\tincq (%%rcx)\n\t")
                       "jmp 5b")
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value), [aborts] "m"(aborts)
                 : "memory", "cc", "rax", "rcx", "rdx"
                 : elsewhere);
    return;
  elsewhere:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b12-clobbered-input", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
