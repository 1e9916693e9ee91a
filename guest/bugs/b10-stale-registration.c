/*
 * Linux fd881d0a085f, glibc 97f60abd: an area is registered with rseq_cs left over from its last
 * user, whose descriptor is gone. Kernels before 6.15 do not clear it, and the return from the
 * registration kills.
 */
#include "mapped.h"

enum { RSEQ_FLAG_UNREGISTER = 1 };

static struct slot slots[SLOTS];

static void count_up(const uint64_t *descriptor) {
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
    return;
  aborted:;
  }
}

static void hand_over(struct rseq_area *area, uint64_t *descriptor) {
  if (syscall4(SYS_RSEQ, (long)area, sizeof *area, RSEQ_FLAG_UNREGISTER, RSEQ_SIGNATURE) != 0) {
    fail(EXIT_UNABLE, "rseq: it does not unregister\n");
  }
  if (syscall3(SYS_MUNMAP, (long)descriptor, PAGE_BYTES, 0) != 0) {
    fail(EXIT_UNABLE, "munmap fails\n");
  }
  register long signature __asm__("r10") = RSEQ_SIGNATURE;
  long result;
  __asm__ volatile(IF_FIXED("movq $0, " FS_RSEQ_CS "\n\t")
                   FAULTY
                   "syscall"
                   : "=a"(result)
                   : "a"(SYS_RSEQ), "D"(area), "S"(sizeof *area), "d"(0), "r"(signature)
                   : "rcx", "r11", "memory");
  if (result != 0) {
    fail(EXIT_UNABLE, "rseq: errno %ld\n", -result);
  }
}

TASK work(struct thread *self) {
  uint64_t *descriptor = map_descriptor(original_descriptor);
  count_up(descriptor);
  hand_over(&self->rseq, descriptor);
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b10-stale-registration", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
