/*
 * Per-CPU stacks of tokens, with sections marked by keys: TASKS threads each put a token on the stack of
 * their CPU and take one off, COUNT times. Putting has two entries (a first attempt and a retry) and two
 * exits (by commit, and without one when the stack is full); taking leaves an empty stack without a
 * commit. Holds when the tokens put less those taken are those that are left.
 */
#include "abi/keys.h"

#include "arguments.h"
#include "output.h"
#include "thread.h"

enum { CAPACITY = 3 };

static struct slot depths[SLOTS];
static uint32_t rounds;

RSEQ_KEY(put_key);
RSEQ_KEY(take_key);

/* Whether there was room. */
static bool put(uint32_t *retries) {
  uint64_t saved = rseq_start(&put_key);
  for (;;) {
    struct slot *slot = &depths[rseq_saved_cpu(saved)];
    uint64_t depth = __atomic_load_n(&slot->value, __ATOMIC_RELAXED);
    if (depth == CAPACITY) {
      rseq_abort(&put_key);
      return false;
    }
    if (rseq_finish(&put_key, saved, &slot->value, depth + 1)) {
      return true;
    }
    (*retries)++;
    saved = rseq_start(&put_key);
  }
}

/* Whether there was a token. */
static bool take(void) {
  for (;;) {
    uint64_t saved = rseq_start(&take_key);
    struct slot *slot = &depths[rseq_saved_cpu(saved)];
    uint64_t depth = __atomic_load_n(&slot->value, __ATOMIC_RELAXED);
    if (depth == 0) {
      rseq_abort(&take_key);
      return false;
    }
    if (rseq_finish(&take_key, saved, &slot->value, depth - 1)) {
      return true;
    }
  }
}

/* Leaves in `result` how many tokens the thread put, less those it took, modulo 2^64. */
static void work(struct thread *self) {
  uint32_t retries = 0;
  for (uint32_t done = 0; done < rounds; done++) {
    self->result += put(&retries);
    self->result += put(&retries);
    self->result -= take();
  }
}

int main(int argc, char **argv) {
  struct arguments defaults = {.tasks = 6, .count = 30};
  struct arguments arguments = parse_arguments(argc, argv, "keyed", defaults);
  threads_init();
  rounds = arguments.count;
  uint64_t expected = run_tasks(arguments.tasks, work);

  uint64_t left = 0;
  for (uint32_t cpu = 0; cpu < SLOTS; cpu++) {
    left += depths[cpu].value;
  }
  if (left != expected) {
    fail(EXIT_CHECK_FAILED, "keyed: %lu tokens are left, expected %lu\n", left, expected);
  }
  print(STDOUT, "keyed: %u tasks x %u rounds, no token lost ok\n", arguments.tasks,
        arguments.count);
  return EXIT_OK;
}
