/*
 * A visible effect before the commit: pop empties the place of the item, which still counts, before it
 * lowers the count. A thread aborted in between finds an empty place when it tries again.
 */
#include "bug.h"

enum { ITEMS = 2 };

struct buffer {
  uint64_t count;
  uint64_t items[ITEMS];
} __attribute__((aligned(64)));

static struct buffer buffers[SLOTS];

/* Leaves the number of the item in `result`. */
TASK work(struct thread *self) {
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[buffer]), %%rax\n\t"
                 "movq (%[buffer],%%rax,8), %%rcx\n\t"
                 "movq %%rcx, (%[result])\n\t"
                 FAULTY
                 IF_BUGGY("movq $0, (%[buffer],%%rax,8)\n\t")
                 "subq $1, %%rax\n\t"
                 "movq %%rax, (%[buffer])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [buffer] "r"(&buffers[cpu]), [result] "r"(&self->result)
                 : "memory", "cc", "rax", "rcx"
                 : aborted);
    return;
  aborted:;
  }
}

int main(void) {
  threads_init();
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    buffers[cpu].count = ITEMS;
    buffers[cpu].items[0] = 1;
    buffers[cpu].items[1] = 1;
  }
  expect("s7-early-effect", run_tasks(TASKS, work), TASKS);
  return EXIT_OK;
}
