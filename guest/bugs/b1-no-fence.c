/*
 * tcmalloc 40b3da02 with half of its cure: the slab is closed (begin = 0xffff) before it is set up, but
 * without a fence; a pop that has loaded the old `begin` already sees the new `current` and gives
 * garbage away. Here the slab comes with one item.
 */
#include "slab.h"

enum { FIRST = 8, CLOSED = 0xffff };

static struct slab slab = {.current = 1, .begin = 0, .end = 1, .items = {ITEM}};

POP(LOAD_BEGIN LOAD_CURRENT)

static void set_up(void) {
  store(&slab.begin, CLOSED);
#ifdef FIXED
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
  expect("b1-no-fence: pops of garbage", run_tasks(TASKS, work), 0);
  return EXIT_OK;
}
