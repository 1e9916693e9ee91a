/*
 * Per-CPU linked lists: TASKS threads put their nodes on the lists, then each, COUNT times, pops a
 * node off the list of its CPU, visits it and pushes it onto the list of the CPU it is on by then.
 * Holds when every node is on exactly one list at the end and no visit was lost.
 */
#include <stddef.h>
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

enum { NODES_PER_TASK = 4 };

struct node {
  /* Address of the next node, 0 at the end: a word, because sections deal in words. */
  uint64_t next;
  /* Plain: only the thread that took the node off its list touches it. */
  uint64_t visits;
  uint64_t found;
};

struct list {
  uint64_t head;
} __attribute__((aligned(CACHE_LINE_BYTES)));

static struct list lists[PERCPU_SLOTS];
static struct node nodes[TASKS_MAX * NODES_PER_TASK];
static uint32_t rounds;

static void push(struct node *node) {
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    uint64_t head = __atomic_load_n(&lists[cpu].head, __ATOMIC_RELAXED);
    node->next = head;
    outcome = rseq_compare_store(&lists[cpu].head, head, (uint64_t)node, cpu);
  } while (outcome != RSEQ_COMMITTED);
}

/* NULL when the list of this CPU is empty. */
static struct node *pop(void) {
  uint64_t first = 0;
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    outcome = rseq_load_next(&lists[cpu].head, offsetof(struct node, next), &first, cpu);
  } while (outcome == RSEQ_ABORTED);
  return outcome == RSEQ_COMMITTED ? (struct node *)first : NULL;
}

/* Leaves in `result` how many nodes it popped. */
static void exchange(struct thread *self) {
  for (uint32_t own = 0; own < NODES_PER_TASK; own++) {
    push(&nodes[self->index * NODES_PER_TASK + own]);
  }
  for (uint32_t done = 0; done < rounds; done++) {
    struct node *node = pop();
    if (node != NULL) {
      node->visits++;
      self->result++;
      push(node);
    }
  }
}

/* Counts each node where it lies; a list that runs in a circle ends it too. */
static void find_nodes(void) {
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    struct node *node = (struct node *)lists[cpu].head;
    while (node != NULL) {
      node->found++;
      if (node->found > 1) {
        fail(EXIT_CHECK_FAILED, "list: node %lu lies on the lists twice\n",
             (uint64_t)(node - nodes));
      }
      node = (struct node *)node->next;
    }
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 100};
  struct arguments arguments = parse_arguments(argc, argv, "list", defaults);
  threads_init();
  rounds = arguments.count;
  uint64_t pops = run_tasks(arguments.tasks, exchange);

  find_nodes();
  uint32_t total = arguments.tasks * NODES_PER_TASK;
  uint64_t visits = 0;
  for (uint32_t node = 0; node < total; node++) {
    if (nodes[node].found != 1) {
      fail(EXIT_CHECK_FAILED, "list: node %u is lost\n", node);
    }
    visits += nodes[node].visits;
  }
  if (visits != pops) {
    fail(EXIT_CHECK_FAILED, "list: %lu visits for %lu pops\n", visits, pops);
  }
  print(STDOUT, "list: %u tasks x %u rounds, %u nodes kept ok\n", arguments.tasks, arguments.count,
        total);
  return EXIT_OK;
}
