/*
 * Per-CPU lists under any scheme: TASKS threads push their nodes, then each, COUNT times, pops a node
 * off the list of its CPU, visits it and pushes it onto the list of the CPU it is on by then. Holds
 * when every node is on exactly one list at the end and no visit was lost.
 */
#include <stddef.h>

#include "arguments.h"
#include "output.h"
#include "thread.h"

#include "abi/operations.h"

enum { NODES_PER_TASK = 4 };

struct node {
  /* Address of the next node, 0 at the end; the word that slot_push and slot_pop use. */
  uint64_t next;
  uint64_t visits;
  uint64_t found;
};

static struct slot lists[SLOTS];
static struct node nodes[TASKS_MAX * NODES_PER_TASK];
static uint32_t rounds;

static void push(struct node *node) {
  while (slot_push(lists, &node->next) != RSEQ_COMMITTED) {
  }
}

/* NULL when the list of this CPU is empty. */
static struct node *pop(void) {
  uint64_t first = 0;
  enum rseq_outcome outcome;
  do {
    outcome = slot_pop(lists, &first);
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
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    struct node *node = (struct node *)lists[cpu].value;
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
  struct arguments defaults = {.tasks = 6, .count = 30};
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
