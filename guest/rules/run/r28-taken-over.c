/*
 * A thread counts in sections until a flag that they look at says to stop; the first thread takes the
 * counter over meanwhile. It fences, but before it raises the flag: a section that has looked at the
 * flag already may go on. Put right, by what FIXED names: 1 it raises the flag first, 2 the counter was
 * given to it, and once it has stored to it, it gives it back by a word that sections look at, 3 both
 * hold a mutex, 4 it joins the thread first, and another one goes on after it, 5 it fills the counter
 * only where that is empty, and sections that find it so leave it alone.
 */
#include <stdint.h>

#include "output.h"
#include "percpu.h"
#include "rseq_operations.h"
#include "syscall.h"
#include "thread.h"

enum {
  SYS_MEMBARRIER = 324,
  FENCE = 1 << 7,
  REGISTER_FENCE = 1 << 8,
  ROUNDS = 30,
  PATIENCE = 300,
  FILLED = 10,
};

#ifndef FIXED
#define FIXED 0
#endif

static struct {
  uint64_t value;
} counter __attribute__((aligned(CACHE_LINE_BYTES)));
static uint64_t stopped;
static volatile uint32_t given;
static volatile uint32_t mutex;

static void lock(void) {
  if (FIXED == 3) {
    while (__atomic_exchange_n(&mutex, 1, __ATOMIC_ACQUIRE) != 0) {
    }
  }
}

static void unlock(void) {
  if (FIXED == 3) {
    __atomic_store_n(&mutex, 0, __ATOMIC_RELEASE);
  }
}

static void fence(void) { syscall3(SYS_MEMBARRIER, FENCE, 0, 0); }

static void wait(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) {
    __asm__ volatile("");
  }
}

#define COUNT(first, change)                                                                       \
  __asm__ goto(RSEQ_EXIT_UNEQUAL                                                                   \
               RSEQ_BEGIN                                                                          \
               "cmpq $0, %[stopped]\n\t"                                                           \
               "jne %l[unequal]\n\t"                                                               \
               "movq %[value], %%rax\n\t"                                                          \
               first                                                                               \
               change                                                                              \
               "movq %%rax, %[value]\n"                                                            \
               RSEQ_END                                                                            \
               :                                                                                   \
               : [cpu] "r"(cpu), [value] "m"(counter.value), [stopped] "m"(stopped)                \
               : "memory", "cc", "rax"                                                             \
               : aborted, unequal)

/* counter += 1, unless it is stopped. */
RSEQ_OPERATION count_up(uint32_t cpu) {
  COUNT("", "addq $1, %%rax\n\t");
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

/* counter -= 1, unless it is stopped or empty. */
RSEQ_OPERATION count_down(uint32_t cpu) {
  COUNT("testq %%rax, %%rax\n\tje %l[unequal]\n\t", "subq $1, %%rax\n\t");
  return RSEQ_COMMITTED;
aborted:
  return RSEQ_ABORTED;
unequal:
  return RSEQ_UNEQUAL;
}

static void count_once(void) {
  enum rseq_outcome outcome;
  do {
    lock();
    uint32_t cpu = percpu_index();
    outcome = FIXED == 5 ? count_down(cpu) : count_up(cpu);
    unlock();
  } while (outcome == RSEQ_ABORTED);
  wait(PATIENCE / 10);
}

static void count(struct thread *self) {
  (void)self;
  for (uint32_t done = 0; done < ROUNDS; done++) {
    count_once();
    if (FIXED == 2 && done == ROUNDS / 3) {
      __atomic_store_n(&stopped, 1, __ATOMIC_RELEASE);
      given = 1;
    }
  }
}

/* Waits for its turn, and takes the counter over. */
static void take_over(void) {
  switch (FIXED) {
    case 0:
      fence();
      __atomic_store_n(&stopped, 1, __ATOMIC_RELEASE);
      break;
    case 1:
      __atomic_store_n(&stopped, 1, __ATOMIC_RELEASE);
      fence();
      break;
    case 2:
      while (given == 0) {
      }
      break;
    case 5:
      while (__atomic_load_n(&counter.value, __ATOMIC_ACQUIRE) != 0) {
      }
      break;
    default:
      break;
  }
  lock();
  __atomic_store_n(&counter.value, FIXED == 5 ? FILLED : 0, __ATOMIC_RELEASE);
  unlock();
  if (FIXED == 2) {
    __atomic_store_n(&stopped, 0, __ATOMIC_RELEASE);
  }
}

int main(void) {
  threads_init();
  syscall3(SYS_MEMBARRIER, REGISTER_FENCE, 0, 0);
  counter.value = FIXED == 5 ? FILLED : 0;
  struct thread *thread = thread_start(count, 0);
  wait(PATIENCE);
  if (FIXED == 4) {
    thread_join(thread);
  }
  take_over();
  if (FIXED == 4) {
    thread = thread_start(count, 1);
  }
  wait(PATIENCE);
  thread_join(thread);
  return EXIT_OK;
}
