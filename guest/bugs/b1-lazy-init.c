/*
 * tcmalloc 40b3da02: a slab is set up while another thread may pop from it. Between the stores of
 * `current` and `begin` it looks as if it held items, and pop gives garbage away. The cure closes
 * the slab first (begin = 0xffff) and fences after each step. Here it comes with one item.
 */
#include "slab.h"

enum { FIRST = 8, CLOSED = 0xffff };

static struct slab slab = {.current = 1, .begin = 0, .end = 1, .items = {ITEM}};

POP(LOAD_BEGIN LOAD_CURRENT)

static void set_up(void) {
#ifdef FIXED
  store(&slab.begin, CLOSED);
  fence();
#endif
  __asm__ volatile(FAULTY "movq %[first], %[current]"
                   : [current] "=m"(slab.current)
                   : [first] "i"(FIRST)
                   : "memory");
#ifdef FIXED
  fence();
#endif
  store(&slab.end, SLAB_ITEMS);
  store(&slab.begin, FIRST);
}

TASK work(struct thread *self) {
  if (self->index == 0) {
    POP_ROUNDS(&slab, self);
  } else {
    do_other_work(OTHER_WORK_LONG);
    set_up();
    do_other_work(OTHER_WORK_LONG);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  expect("b1-lazy-init: pops of garbage", run_tasks(TASKS, work), 0);
  return EXIT_OK;
}
