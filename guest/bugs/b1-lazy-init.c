/*
 * tcmalloc 40b3da02: a slab is set up while another thread may pop from it. Between the stores of
 * `current` and `begin` it looks as if it held items, and pop gives garbage away. The cure closes
 * the slab first (begin = 0xffff) and fences after each step.
 */
#include "slab.h"

enum { FIRST = 8, CLOSED = 0xffff };

static struct slab slab;

POP(LOAD_BEGIN LOAD_CURRENT)

static void set_up(void) {
#ifdef FIXED
  store(&slab.begin, CLOSED);
  fence();
#endif
  store(&slab.current, FIRST);
#ifdef FIXED
  fence();
#endif
  store(&slab.end, SLAB_ITEMS);
  __asm__ volatile(FAULTY "movq %[first], %[begin]"
                   : [begin] "=m"(slab.begin)
                   : [first] "i"(FIRST)
                   : "memory");
}

TASK work(struct thread *self) {
  if (self->index == 0) {
    set_up();
  } else {
    self->result = pop(&slab, self);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  expect("b1-lazy-init", run_tasks(TASKS, work), POPPED_NOTHING);
  return EXIT_OK;
}
