/*
 * A thread unmaps the page of the descriptor that its rseq_cs still points at: the kernel has not
 * cleared it, and the next interruption kills the thread.
 */
#include "mapped.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  uint64_t *descriptor = map_descriptor(original_descriptor);
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION NAME_DESCRIPTOR
                 "movq %[descriptor], " FS_RSEQ_CS "\n"
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[value]), %%rax\n\t"
                 "addq $1, %%rax\n\t"
                 "movq %%rax, (%[value])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(&slots[cpu].value), [descriptor] "r"(descriptor)
                 : "memory", "cc", "rax"
                 : aborted);
    break;
  aborted:;
  }
  long result;
  __asm__ volatile(IF_FIXED("movq $0, " FS_RSEQ_CS "\n\t")
                   FAULTY
                   "syscall"
                   : "=a"(result)
                   : "a"(SYS_MUNMAP), "D"(descriptor), "S"(PAGE_BYTES)
                   : "rcx", "r11", "memory");
  if (result != 0) {
    fail(EXIT_UNABLE, "munmap: errno %ld\n", -result);
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("s11-unmapped", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
