/*
 * tcmalloc 40b3da02 with half of its cure: the slab is closed (begin = 0xffff) before it is set up, but
 * without a fence; a pop that has loaded the old `begin` already sees the new `current` and gives
 * garbage away.
 */
#include "slab.h"

enum { FIRST = 8, CLOSED = 0xffff };

static struct slab slab;

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
    set_up();
  } else {
    self->result = pop(&slab, self);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  expect("b1-no-fence", run_tasks(TASKS, work), POPPED_NOTHING);
  return EXIT_OK;
}
