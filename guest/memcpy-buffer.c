/*
 * Per-CPU buffers of whole records: TASKS threads each, COUNT times, copy a record they hold into
 * the buffer of their CPU and copy one out, each copy made inside a section and committed by the
 * store of the offset. Holds when no record is torn, every record is in exactly one place at the
 * end, and no visit was lost.
 */
#include <stdint.h>

#include "arguments.h"
#include "memory.h"
#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "thread.h"

enum {
  RECORD_WORDS = 3,
  BUFFER_RECORDS_MAX = 5,
  HAND_RECORDS_START = 2,
  HAND_RECORDS_MAX = 4,
};

struct record {
  uint64_t number;
  uint64_t visits;
  /* Depends on the other words, so that a mixture of two records shows. */
  uint64_t seal;
};

_Static_assert(sizeof(struct record) == RECORD_WORDS * sizeof(uint64_t), "copied word by word");

struct buffer {
  uint64_t offset;
  struct record records[BUFFER_RECORDS_MAX];
} __attribute__((aligned(CACHE_LINE_BYTES)));

/* The records a task holds, out of reach of the others. */
struct hand {
  uint32_t count;
  struct record records[HAND_RECORDS_MAX];
};

static struct buffer buffers[PERCPU_SLOTS];
static struct hand hands[TASKS_MAX];
static uint8_t found[TASKS_MAX * HAND_RECORDS_START];
static uint32_t records_total;
static uint32_t rounds;

static uint64_t seal(const struct record *record) {
  return ~(record->number * 0x9e3779b97f4a7c15 + record->visits);
}

static void check_whole(const struct record *record) {
  if (record->number >= records_total || record->seal != seal(record)) {
    fail(EXIT_CHECK_FAILED, "memcpy-buffer: a record is torn: %lu %lu\n", record->number,
         record->visits);
  }
}

/* False when the buffer of this CPU is full. */
static int push(const struct record *record) {
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    struct buffer *buffer = &buffers[cpu];
    uint64_t offset = __atomic_load_n(&buffer->offset, __ATOMIC_RELAXED);
    if (offset == BUFFER_RECORDS_MAX) {
      return 0;
    }
    outcome = rseq_compare_copy_store(&buffer->offset, offset,
                                      (uint64_t *)&buffer->records[offset],
                                      (const uint64_t *)record, RECORD_WORDS, offset + 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  return 1;
}

/* False when the buffer of this CPU is empty. */
static int pop(struct record *record) {
  enum rseq_outcome outcome;
  do {
    uint32_t cpu = percpu_index();
    struct buffer *buffer = &buffers[cpu];
    uint64_t offset = __atomic_load_n(&buffer->offset, __ATOMIC_RELAXED);
    if (offset == 0) {
      return 0;
    }
    outcome = rseq_compare_copy_store(&buffer->offset, offset, (uint64_t *)record,
                                      (const uint64_t *)&buffer->records[offset - 1],
                                      RECORD_WORDS, offset - 1, cpu);
  } while (outcome != RSEQ_COMMITTED);
  return 1;
}

/* Leaves in `result` how many records it popped. */
static void exchange(struct thread *self) {
  struct hand *hand = &hands[self->index];
  for (uint32_t done = 0; done < rounds; done++) {
    if (hand->count > 0 && push(&hand->records[hand->count - 1])) {
      hand->count--;
    }
    if (hand->count < HAND_RECORDS_MAX) {
      struct record *record = &hand->records[hand->count];
      if (pop(record)) {
        check_whole(record);
        record->visits++;
        record->seal = seal(record);
        self->result++;
        hand->count++;
      }
    }
  }
}

static void deal(uint32_t tasks) {
  for (uint32_t task = 0; task < tasks; task++) {
    hands[task].count = HAND_RECORDS_START;
    for (uint32_t at = 0; at < HAND_RECORDS_START; at++) {
      struct record record = {.number = task * HAND_RECORDS_START + at, .visits = 0};
      record.seal = seal(&record);
      hands[task].records[at] = record;
    }
  }
}

/* Marks one record found and returns its visits. */
static uint64_t find(const struct record *record) {
  check_whole(record);
  if (found[record->number]) {
    fail(EXIT_CHECK_FAILED, "memcpy-buffer: record %lu is in two places\n", record->number);
  }
  found[record->number] = 1;
  return record->visits;
}

static uint64_t find_records(uint32_t tasks) {
  uint64_t visits = 0;
  for (uint32_t cpu = 0; cpu < PERCPU_SLOTS; cpu++) {
    for (uint64_t at = 0; at < buffers[cpu].offset; at++) {
      visits += find(&buffers[cpu].records[at]);
    }
  }
  for (uint32_t task = 0; task < tasks; task++) {
    for (uint32_t at = 0; at < hands[task].count; at++) {
      visits += find(&hands[task].records[at]);
    }
  }
  return visits;
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 8, .count = 100};
  struct arguments arguments = parse_arguments(argc, argv, "memcpy-buffer", defaults);
  threads_init();
  rounds = arguments.count;
  records_total = arguments.tasks * HAND_RECORDS_START;
  deal(arguments.tasks);
  uint64_t pops = run_tasks(arguments.tasks, exchange);

  uint64_t visits = find_records(arguments.tasks);
  for (uint32_t number = 0; number < records_total; number++) {
    if (!found[number]) {
      fail(EXIT_CHECK_FAILED, "memcpy-buffer: record %u is lost\n", number);
    }
  }
  if (visits != pops) {
    fail(EXIT_CHECK_FAILED, "memcpy-buffer: %lu visits for %lu pops\n", visits, pops);
  }
  print(STDOUT, "memcpy-buffer: %u tasks x %u rounds, %u records kept ok\n", arguments.tasks,
        arguments.count, records_total);
  return EXIT_OK;
}
