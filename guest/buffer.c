/*
 * Per-CPU pointer buffers (an array and an offset): TASKS threads each, COUNT times, push an item
 * they hold into the buffer of their CPU, if it has room, and pop one, if it has any. Holds when
 * every item is in exactly one place at the end and no visit was lost.
 */
#include <stddef.h>
#include <stdint.h>

#include "arguments.h"
#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

enum {
  BUFFER_ITEMS_MAX = 7,
  HAND_ITEMS_START = 2,
  HAND_ITEMS_MAX = 4,
};

struct item {
  /* Plain: only the thread that holds the item touches it. */
  uint64_t visits;
  uint64_t found;
};

struct buffer {
  uint64_t offset;
  uint64_t items[BUFFER_ITEMS_MAX];
} __attribute__((aligned(CACHE_LINE_BYTES)));

/* The items a task holds, out of reach of the others. */
struct hand {
  uint32_t count;
  struct item *items[HAND_ITEMS_MAX];
};

static struct buffer buffers[PERCPU_SLOTS];
static struct hand hands[TASKS_MAX];
static struct item items[TASKS_MAX * HAND_ITEMS_START];
static uint32_t rounds;

/* False when the buffer of this CPU is full. */
static int push(struct item *item) {
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    struct buffer *buffer = &buffers[cpu];
    uint64_t offset = __atomic_load_n(&buffer->offset, __ATOMIC_RELAXED);
    if (offset == BUFFER_ITEMS_MAX) {
      return 0;
    }
    outcome = rseq_compare_prepare_store(&buffer->offset, offset, &buffer->items[offset],
                                         (uint64_t)item, offset + 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  return 1;
}

/* NULL when the buffer of this CPU is empty. */
static struct item *pop(void) {
  uint64_t item;
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    struct buffer *buffer = &buffers[cpu];
    uint64_t offset = __atomic_load_n(&buffer->offset, __ATOMIC_RELAXED);
    if (offset == 0) {
      return NULL;
    }
    item = __atomic_load_n(&buffer->items[offset - 1], __ATOMIC_RELAXED);
    outcome = rseq_compare_both_store(&buffer->offset, offset, &buffer->items[offset - 1], item,
                                      offset - 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  return (struct item *)item;
}

/* Leaves in `result` how many items it popped. */
static void exchange(struct thread *self) {
  struct hand *hand = &hands[self->index];
  for (uint32_t done = 0; done < rounds; done++) {
    if (hand->count > 0 && push(hand->items[hand->count - 1])) {
      hand->count--;
    }
    if (hand->count < HAND_ITEMS_MAX) {
      struct item *item = pop();
      if (item != NULL) {
        item->visits++;
        self->result++;
        hand->items[hand->count++] = item;
      }
    }
  }
}

static void deal(uint32_t tasks) {
  for (uint32_t task = 0; task < tasks; task++) {
    hands[task].count = HAND_ITEMS_START;
    for (uint32_t item = 0; item < HAND_ITEMS_START; item++) {
      hands[task].items[item] = &items[task * HAND_ITEMS_START + item];
    }
  }
}

static void find_items(uint32_t tasks) {
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    for (uint64_t item = 0; item < buffers[cpu].offset; item++) {
      ((struct item *)buffers[cpu].items[item])->found++;
    }
  }
  for (uint32_t task = 0; task < tasks; task++) {
    for (uint32_t item = 0; item < hands[task].count; item++) {
      hands[task].items[item]->found++;
    }
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 100};
  struct arguments arguments = parse_arguments(argc, argv, "buffer", defaults);
  threads_init();
  rounds = arguments.count;
  deal(arguments.tasks);
  uint64_t pops = run_tasks(arguments.tasks, exchange);

  find_items(arguments.tasks);
  uint32_t total = arguments.tasks * HAND_ITEMS_START;
  uint64_t visits = 0;
  for (uint32_t item = 0; item < total; item++) {
    if (items[item].found != 1) {
      fail(EXIT_CHECK_FAILED, "buffer: item %u is in %lu places\n", item, items[item].found);
    }
    visits += items[item].visits;
  }
  if (visits != pops) {
    fail(EXIT_CHECK_FAILED, "buffer: %lu visits for %lu pops\n", visits, pops);
  }
  print(STDOUT, "buffer: %u tasks x %u rounds, %u items kept ok\n", arguments.tasks,
        arguments.count, total);
  return EXIT_OK;
}
