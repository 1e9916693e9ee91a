/*
 * Threads made directly on clone(2), each with a thread block of our own at the fs base.
 */
#ifndef GUEST_THREAD_H
#define GUEST_THREAD_H

#include <stddef.h>
#include <stdint.h>

/* A scheme other than mainline brings its own thread area and registration. */
#ifdef RSEQ_SCHEME
#include RSEQ_SCHEME
#else
#include "rseq_area.h"
#endif

/*
 * The thread block. %fs:0 points at itself as the x86-64 TLS convention asks, and the rseq area
 * lies at %fs:RSEQ_OFFSET, the same distance for every thread.
 */
struct thread {
  struct thread *self;
  /*
   * Kernel's: the thread's id while it lives, 0 and a futex wake when it has gone
   * (CLONE_CHILD_CLEARTID).
   */
  uint32_t tid;
  uint32_t index;
  void (*run)(struct thread *self);
  /* The thread's own result, for the one who joins it. */
  uint64_t result;
  struct rseq_area rseq;
};

_Static_assert(offsetof(struct thread, rseq) == RSEQ_OFFSET, "where sections look for it");

/* Gives the first thread its block and registers its rseq area; before any other thread starts. */
void threads_init(void);

/*
 * Starts `run` in a new thread that has registered its rseq area before `run` begins. `index` is
 * the caller's own numbering. Ends the process with EXIT_UNABLE when the system refuses.
 */
struct thread *thread_start(void (*run)(struct thread *self), uint32_t index);

/* Waits until the thread has gone and returns what it left in `result`. */
uint64_t thread_join(struct thread *thread);

/* Starts `tasks` threads numbered from 0, joins them all and returns the sum of their results. */
uint64_t run_tasks(uint32_t tasks, void (*run)(struct thread *self));

#endif
