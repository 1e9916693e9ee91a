/*
 * The thread that takes the counter over fences before it raises the flag: an owner whose section
 * looks at the flag between the two commits into what was taken.
 */
#include "drain.h"

static void take_over(struct thread *self) {
  READY_NOTHING(taken);
#ifndef FIXED
  fence();
#endif
  store(&stopped, 1);
#ifdef FIXED
  fence();
#endif
  TAKE_OVER(taken);
  self->result = taken;
}

TASK work(struct thread *self) {
  if (self->index == 0) {
    do_other_work(OTHER_WORK_LONG);
    take_over(self);
    do_other_work(OTHER_WORK_LONG);
  } else {
    count_rounds(self);
  }
}

int main(void) {
  threads_init();
  allow_fences();
  expect("s14-fence-first", run_tasks(TASKS, work), ROUNDS);
  return EXIT_OK;
}
