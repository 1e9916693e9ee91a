/*
 * Linux 6.19 and tcmalloc (2026): a thread keeps the first node of its CPU's list at hand for as long as
 * its mark over cpu_id_start lasts. Linux 6.19 writes ids only where they change, the mark outlives a
 * preemption, and one node is given away twice.
 */
#include "marked.h"

enum { NODES = 3 };

struct node {
  uint64_t next;
  uint64_t owners;
} __attribute__((aligned(64)));

static struct node nodes[SLOTS][NODES];
static struct slot heads[SLOTS];

/* Takes the first node to hand, and marks it as such. */
static __attribute__((noinline, noclone, noipa)) void look(uint64_t *first) {
  for (;;) {
    uint32_t cpu = here_by_id();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[head]), %%rax\n\t"
                 "movq %%rax, (%[first])\n\t"
                 SET_MARK
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [head] "r"(&heads[cpu].value), [first] "r"(first)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

TASK work(struct thread *self) {
  (void)self;
  uint64_t first = 0;
  for (;;) {
    uint32_t cpu = here_by_id();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 FAULTY
                 "cmpl " MARK ", " FS_CPU_ID_START "\n\t"
                 "jne 4f\n\t"
                 IF_FIXED("cmpq %[first], (%[head])\n\tjne 4f\n\t")
                 "movq (%[first]), %%rax\n\t"
                 "movq %%rax, (%[head])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [head] "r"(&heads[cpu].value), [first] "r"(first)
                 : "memory", "cc", "rax"
                 : unmarked, aborted);
    break;
  aborted:
  unmarked:
    look(&first);
  }
  ((struct node *)first)->owners++;
}

int main(void) {
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    heads[cpu].value = (uint64_t)&nodes[cpu][0];
    nodes[cpu][0].next = (uint64_t)&nodes[cpu][1];
    nodes[cpu][1].next = (uint64_t)&nodes[cpu][2];
  }
  threads_init();
  run_tasks(TASKS, work);
  uint64_t owned = 0;
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    for (uint32_t node = 0; node < NODES; node++) {
      owned += nodes[cpu][node].owners == 1;
    }
  }
  expect("b7-stale-pointer: nodes with one owner", owned, TASKS);
  return EXIT_OK;
}
