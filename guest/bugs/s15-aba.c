/*
 * Pop reads the first node and its successor before the section, which only compares the head: meanwhile
 * another thread has taken both nodes and put the first one back, the comparison holds, and the second
 * node is given away twice.
 */
#include "bug.h"

enum { NODES = 3, WALK_MAX = 8 };

struct node {
  uint64_t next;
  uint64_t owners;
} __attribute__((aligned(64)));

static struct node nodes[SLOTS][NODES];
static struct slot heads[SLOTS];

static __attribute__((noinline, noclone, noipa)) struct node *pop(void) {
  for (;;) {
    uint32_t cpu = here();
    uint64_t *head = &heads[cpu].value;
    uint64_t first = __atomic_load_n(head, __ATOMIC_RELAXED);
    uint64_t next = __atomic_load_n(&((struct node *)first)->next, __ATOMIC_RELAXED);
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "cmpq %[first], (%[head])\n\t"
                 "jne 4f\n\t"
                 IF_BUGGY("movq %[next], %%rax\n\t")
                 IF_FIXED("movq (%[first]), %%rax\n\t")
                 FAULTY
                 "movq %%rax, (%[head])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [head] "r"(head), [first] "r"(first), [next] "r"(next)
                 : "memory", "cc", "rax"
                 : aborted);
    return (struct node *)first;
  aborted:;
  }
}

static __attribute__((noinline, noclone, noipa)) void push(struct node *node) {
  for (;;) {
    uint32_t cpu = here();
    __asm__ goto(SECTION
                 ARM
                 "1:\n\t"
                 COMPARE_CPU
                 "movq (%[head]), %%rax\n\t"
                 "movq %%rax, (%[node])\n\t"
                 "movq %[node], (%[head])\n"
                 "2:\n\t"
                 ABORT_TO_RETRY
                 :
                 : [cpu] "r"(cpu), [head] "r"(&heads[cpu].value), [node] "r"(node)
                 : "memory", "cc", "rax"
                 : aborted);
    return;
  aborted:;
  }
}

TASK work(struct thread *self) {
  struct node *first = pop();
  if (self->index == 0) {
    first->owners++;
    return;
  }
  pop()->owners++;
  push(first);
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
    uint32_t steps = 0;
    for (uint64_t at = heads[cpu].value; at != 0 && steps < WALK_MAX; steps++) {
      ((struct node *)at)->owners++;
      at = ((struct node *)at)->next;
    }
    for (uint32_t node = 0; node < NODES; node++) {
      owned += nodes[cpu][node].owners == 1;
    }
  }
  expect("s15-aba: nodes in one place", owned, SLOTS * NODES);
  return EXIT_OK;
}
