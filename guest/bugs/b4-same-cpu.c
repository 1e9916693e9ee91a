/*
 * tcmalloc 5097e1fa: "still on the same CPU" is taken for "not interrupted". What the thread loaded
 * before the section is stale, although the CPU is the same. The cure marks cpu_id_start before the
 * load, and the section looks for the mark, which the kernel overwrites at every reschedule.
 */
#include "marked.h"

static struct slot slots[SLOTS];

TASK work(struct thread *self) {
  (void)self;
  for (;;) {
#ifdef FIXED
    __asm__ volatile(SET_MARK : : : "memory");
#endif
    uint32_t cpu = here_by_id();
    uint64_t *value = &slots[cpu].value;
    uint64_t next = __atomic_load_n(value, __ATOMIC_RELAXED) + 1;
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 FAULTY
                 IF_BUGGY("cmpl %[cpu], " FS_CPU_ID "\n\t")
                 IF_FIXED("cmpl " MARK ", " FS_CPU_ID_START "\n\t")
                 "jne 4f\n\t"
                 "movq %[next], (%[value])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [value] "r"(value), [next] "r"(next)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  run_tasks(TASKS, work);
  expect("b4-same-cpu", sum_of_values(slots), TASKS);
  return EXIT_OK;
}
